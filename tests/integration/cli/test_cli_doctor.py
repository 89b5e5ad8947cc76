"""`doctor`: each thing that can be wrong is named with its remedy, and all checks run every time."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from stagewright import bootstrap
from tests.cli_desk import Desk
from tests.git_world import person

ALL = 14


def _no_repository(desk: Desk) -> None:
    (desk.home / "origin.git").rename(desk.home / "gone.git")


def _registry_down(desk: Desk) -> None:
    desk.registry.down = True


def _open_key(desk: Desk) -> None:
    (desk.home / "keys/log.pem").chmod(0o644)


def _no_key(desk: Desk) -> None:
    (desk.home / "keys/entry.pem").unlink()


def _damaged(desk: Desk) -> None:
    (desk.home / "ledger/checkpoint").write_text("nonsense\n")


def _pushed(path: str, text: str) -> Callable[[Desk], None]:
    def change(desk: Desk) -> None:
        desk.edit("max", {path: text}, branch="main")

    return change


def _stranger(desk: Desk) -> None:
    desk.git(desk.clone("max"), "config", "user.signingkey", str(person("eve").key))


@pytest.mark.parametrize(
    ("change", "unwell", "detail"),
    [
        pytest.param(
            _no_repository,
            {"repository", "policy", "CODEOWNERS", "allowed_signers", "documents", "own signing key"},
            "not looked at: the repository was not reached",
            id="no repository",
        ),
        pytest.param(_registry_down, {"registry"}, "does not answer", id="registry down"),
        pytest.param(_open_key, {"ledger keys"}, "others can get at the key file", id="key open to others"),
        pytest.param(_no_key, {"ledger keys"}, "there is no key file", id="no key"),
        pytest.param(_damaged, {"ledger", "clock", "trust root"}, "the note", id="ledger damaged"),
        pytest.param(
            _pushed("models/x.yaml", "kind: Model\n"), {"documents"}, "models/x.yaml:1:1:", id="invalid document"
        ),
        pytest.param(_pushed("CODEOWNERS", "* @cody\n!x @mo\n"), {"CODEOWNERS"}, "CODEOWNERS:2:", id="skipped line"),
        pytest.param(
            _pushed("allowed_signers", person("max").allowed_signers_line('valid-before="20200101Z"')),
            {"own signing key"},
            "is not valid now, by line 1",
            id="an expired key",
        ),
        pytest.param(
            _pushed("allowed_signers", "# nobody\n"), {"allowed_signers", "own signing key"}, "nobody", id="nobody"
        ),
        pytest.param(_stranger, {"own signing key"}, "is no allowed signer", id="a stranger's key"),
    ],
)
def test_doctor_names_what_is_wrong_and_runs_all_checks(
    change: Callable[[Desk], None], unwell: set[str], detail: str, begun: Desk
):
    change(begun)
    told = begun.run("max", "doctor", "-o", "json", expect=1)
    items = told.json()["items"]
    assert len(items) == ALL
    assert {item["name"] for item in items if not item["well"]} == unwell
    assert any(detail in item["detail"] for item in items if not item["well"])
    assert all(bool(item["remedy"]) is not item["well"] for item in items)


class _Past:
    """A clock that stands still long ago."""

    def now(self) -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC)


def test_doctor_with_a_clock_behind_the_ledger_says_so(begun: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "SystemClock", _Past)
    told = begun.run("max", "doctor", expect=1)
    assert "✗ clock            this machine's clock says 2020-01-01 00:00:00 UTC" in told.out


def test_doctor_with_a_full_disk_says_so(begun: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "free_bytes", lambda _folder: 10 * 1024 * 1024)
    assert "✗ disk             10 MiB are free" in begun.run("max", "doctor", expect=1).out


def test_doctor_before_the_first_sync_is_well_with_a_trust_root(desk: Desk):
    desk.init()
    told = desk.run("max", "doctor")
    assert "none yet; the first sync begins it" in told.out
    assert re.search(r"✓ trust root +[0-9a-f]{12}, on the branch", told.out)


def test_doctor_in_a_table_prints_one_line_a_check_and_the_remedy_below(desk: Desk):
    desk.init()
    _no_key(desk)
    lines = desk.run("max", "doctor", expect=1).out.splitlines()
    assert len(lines) == ALL + 1
    at = next(number for number, line in enumerate(lines) if line.startswith("✗ ledger keys"))
    assert "remedy: make one with: openssl genpkey" in lines[at + 1]
