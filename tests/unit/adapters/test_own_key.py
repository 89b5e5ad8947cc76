"""The public key behind git's `user.signingkey`."""

from pathlib import Path

import pytest

from stagewright.adapters.git.own_key import public_key_of, signing_key
from stagewright.errors import UsageError
from tests.git_world import person


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256", "rsa"])
def test_public_key_of_each_way_to_name_it_is_the_same(kind: str):
    who = person("olga", kind)
    settings = (f"{who.key}", f"{who.key}.pub", f"key::{who.public_key} a comment")
    assert {public_key_of(setting, Path("/")) for setting in settings} == {who.public_key}


def test_public_key_of_a_relative_path_starts_from_the_folder():
    who = person("olga", "ed25519")
    assert public_key_of(who.key.name, who.key.parent) == who.public_key


def test_signing_key_has_the_fingerprint_that_ssh_keygen_prints():
    who = person("olga", "ed25519")
    assert signing_key(who.public_key).fingerprint == who.fingerprint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ssh-dss AAAA", "no SSH public key"),
        ("ssh-ed25519", "no ssh-ed25519 key"),
        ("ssh-ed25519 not*base64", "not base64"),
        ("ssh-ed25519 AAAA", "no ssh-ed25519 key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "no SSH public key"),
        ("", "no SSH public key"),
    ],
    ids=["kind", "cut", "base64", "bytes", "private", "empty"],
)
def test_public_key_of_a_file_that_holds_none_is_an_error(text: str, reason: str, tmp_path: Path):
    (tmp_path / "id.pub").write_text(text)
    with pytest.raises(UsageError, match=reason):
        public_key_of("id", tmp_path)


def test_public_key_of_a_file_that_is_not_there_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        public_key_of("id_ed25519", tmp_path)
    assert caught.value.hint == f"ssh-keygen -y -f {tmp_path}/id_ed25519 > {tmp_path}/id_ed25519.pub"
