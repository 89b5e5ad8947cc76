"""Teams and write access, as a real Gitea tells them."""

import pytest

from stagewright.errors import ForbiddenError, NotFoundError
from tests.gitea.world import GiteaWorld


def test_members_of_a_team_are_told_by_id_whatever_the_case(world: GiteaWorld):
    world.team("model-risk", "noor", "ravi", repository=False)

    found = world.forge(world.source()).members(f"@{world.org.upper()}/Model-Risk")

    assert found == tuple(sorted((world.account("noor").id, world.account("ravi").id)))


def test_members_beyond_a_page_are_read_to_the_end(world: GiteaWorld):
    names = [f"many-{number}" for number in range(55)]
    world.team("many", *names, repository=False)

    found = world.forge(world.source()).members(f"@{world.org}/many")

    assert sorted(found) == sorted(world.account(name).id for name in names)


def test_members_of_no_team_are_not_found(world: GiteaWorld):
    with pytest.raises(NotFoundError, match="/nobody"):
        world.forge(world.source()).members(f"@{world.org}/nobody")


def test_members_of_an_organization_that_is_not_shown_are_no_empty_team(world: GiteaWorld):
    hidden = world.server.unique("hidden")
    world.server.call("POST", "/orgs", {"username": hidden, "visibility": "private"})

    with pytest.raises(ForbiddenError, match=hidden):
        world.forge(world.source()).members(f"@{hidden}/model-risk")


def test_members_of_a_team_that_the_account_is_not_in_are_not_told(world: GiteaWorld):
    risk = world.team("model-risk", "noor", repository=False)
    world.server.call("DELETE", f"/teams/{risk}/members/robot")

    with pytest.raises(ForbiddenError, match="model-risk") as caught:
        world.forge(world.source()).members(f"@{world.org}/model-risk")

    assert "member of that team" in caught.value.hint


def test_account_that_was_renamed_is_told_under_its_new_name_alone(world: GiteaWorld):
    old, new = world.server.unique("vera"), world.server.unique("vanessa")
    own = world.account(old).id
    world.server.call("POST", f"/admin/users/{old}/rename", {"new_username": new})
    forge = world.forge(world.source())

    assert forge.accounts([old, new.upper()]) == {old: None, new.upper(): own}

    # somebody else takes the name that is free
    world.server.call("DELETE", f"/admin/users/{new}")
    taker = world.server.unique("mallory")
    other = world.account(taker).id
    world.server.call("POST", f"/admin/users/{taker}/rename", {"new_username": old})
    assert forge.accounts([old, new]) == {old: other, new: None}


def test_writers_are_those_whom_a_team_or_their_own_access_lets_write(world: GiteaWorld):
    world.team("readers", "olga")
    world.team("elsewhere", "oleg", permission="write", repository=False)
    for name, permission in (("carol", "write"), ("cyril", "read")):
        world.server.user(name)
        world.call("PUT", f"/collaborators/{name}", {"permission": permission})

    found = {who.login for who in world.forge(world.source()).writers() or ()}

    # whoever made the organization owns it; the controller's own account is nobody's voice
    assert found == {"dana", "noor", "ravi", "maintainer", "carol", world.server.admin.login}


def test_writers_are_not_told_to_a_token_that_may_not_know(world: GiteaWorld):
    world.server.user("carol")
    world.call("PUT", "/collaborators/carol", {"permission": "write"})
    world.call("PUT", "/collaborators/ravi", {"permission": "read"})

    with pytest.raises(ForbiddenError):
        world.forge(world.source(), client=world.client(name="ravi")).writers()


def test_writers_of_a_person_s_own_repository_are_the_owner_and_collaborators(world: GiteaWorld):
    name = world.server.unique("solo")
    world.server.call("POST", "/user/repos", {"name": "models", "private": True}, by=world.server.user(name))
    world.server.call(
        "PUT", f"/repos/{name}/models/collaborators/robot", {"permission": "admin"}, by=world.server.user(name)
    )
    world.repository = f"{name}/models"

    found = {who.login for who in world.forge(world.source()).writers() or ()}

    assert found == {name}
