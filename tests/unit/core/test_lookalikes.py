"""Logins that people take for one another."""

import pytest

from stagewright.core.lookalikes import look_alikes, skeleton


@pytest.mark.parametrize(
    ("stranger", "known"),
    [
        ("@noor-", "@noor"),
        ("@n-oor", "@noor"),
        ("@n00r", "@noor"),
        ("@Noor", "@noor_"),
        ("@nооr", "@noor"),
        ("@nóor", "@noor"),
        ("@wi1liam", "@william"),
        ("@wiIliam", "@william"),
        ("@rnax", "@max"),
        ("@noorr", "@noor"),
        ("@nor", "@noor"),
        ("@vvim", "@wim"),
        ("@ciody", "@clody"),
        ("@pаt", "@pat"),
        ("@noor (account 5)", "@noor-account-5"),
    ],
)
def test_look_alike_is_named_with_whom_it_looks_like(stranger: str, known: str):
    assert look_alikes([stranger], ["@somebody", known]) == ((stranger, known),)


@pytest.mark.parametrize("stranger", ["@olga", "@noora", "@oonr", "@noor"])
def test_other_name_is_not_pointed_out(stranger: str):
    assert look_alikes([stranger], ["@noor"]) == ()


def test_look_alikes_of_several_are_named_in_order_whatever_the_order_of_the_known():
    found = (("@n00r", "@no0r"), ("@rn0", "@mo"))
    assert look_alikes(["@n00r", "@rn0"], ["@mo", "@no0r", "@noor"]) == found
    assert look_alikes(["@n00r", "@rn0"], ["@noor", "@no0r", "@mo"]) == found


def test_skeleton_of_a_name_without_letters_is_empty():
    assert skeleton("@--") == ""
