import os
import subprocess
from pathlib import Path

import pytest

from stagewright.adapters.signers import create_signer, load_signer
from stagewright.errors import NotFoundError, UsageError
from stagewright.ledger.keys import key_id, public_pem, signed_by


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    create_signer(f"file:{tmp_path}/keys/log.pem")
    return tmp_path / "keys/log.pem"


def test_create_signer_makes_a_private_file_that_load_signer_reads(key_file: Path):
    signer = load_signer(f"file:{key_file}")
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.parent.stat().st_mode & 0o777 == 0o700
    assert signed_by(signer.public_key, b"message", signer.sign(b"message")) is True
    assert signed_by(signer.public_key, b"messagf", signer.sign(b"message")) is False


def test_create_signer_never_overwrites(key_file: Path):
    before = key_file.read_bytes()
    with pytest.raises(UsageError, match="a key is never overwritten"):
        create_signer(f"file:{key_file}")
    assert key_file.read_bytes() == before


def test_create_signer_where_no_folder_can_be_is_a_usage_error(key_file: Path):
    with pytest.raises(UsageError, match="cannot write the key file"):
        create_signer(f"file:{key_file}/below/log.pem")


def test_create_signer_makes_another_key_each_time(tmp_path: Path):
    keys = {create_signer(f"file:{tmp_path}/{number}.pem").public_key for number in range(3)}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "uri",
    ["", "log.pem", "/etc/log.pem", "file:", "FILE:/a", "env:KEY", "awskms:alias/x", "http://token@host/key", ":a"],
)
def test_signer_of_an_unknown_scheme_is_a_usage_error_that_names_the_known_ones(uri: str):
    for call in (load_signer, create_signer):
        with pytest.raises(UsageError) as caught:
            call(uri)
        assert "file:" in caught.value.hint
        assert "token" not in str(caught.value)


def test_load_signer_of_no_file_is_not_found(tmp_path: Path):
    with pytest.raises(NotFoundError, match="there is no key file"):
        load_signer(f"file:{tmp_path}/log.pem")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o700 | 0o010])
def test_load_signer_of_a_file_that_others_can_use_is_a_usage_error(key_file: Path, mode: int):
    key_file.chmod(mode)
    with pytest.raises(UsageError, match=f"mode {mode:04o}") as caught:
        load_signer(f"file:{key_file}")
    assert "chmod 600" in caught.value.hint


def test_load_signer_follows_no_link_and_reads_no_folder_or_pipe(key_file: Path, tmp_path: Path):
    (tmp_path / "link.pem").symlink_to(key_file)
    os.mkfifo(tmp_path / "pipe.pem", 0o600)
    (tmp_path / "folder.pem").mkdir(mode=0o700)
    for name in ("link.pem", "pipe.pem", "folder.pem"):
        with pytest.raises(UsageError):
            load_signer(f"file:{tmp_path / name}")


def _openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("genpkey", "-algorithm", "x25519"), id="no signing key"),
        pytest.param(("genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"), id="another algorithm"),
        pytest.param(("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret"), id="encrypted"),
    ],
)
def test_load_signer_of_a_key_of_another_kind_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]):
    path = tmp_path / "key.pem"
    path.write_bytes(_openssl(*arguments))
    path.chmod(0o600)
    with pytest.raises(UsageError, match=r"Ed25519|unencrypted"):
        load_signer(f"file:{path}")


def test_load_signer_of_rubbish_repeats_none_of_it(tmp_path: Path):
    path = tmp_path / "key.pem"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    path.chmod(0o600)
    with pytest.raises(UsageError) as caught:
        load_signer(f"file:{path}")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_signer_does_not_show_its_private_key(key_file: Path):
    signer = load_signer(f"file:{key_file}")
    assert repr(signer) == f"<Ed25519 signer {signer.public_key.hex()}>"


def test_key_id_and_pem_are_what_openssl_says(key_file: Path, tmp_path: Path):
    """The command in docs/ledger.md, run."""
    key = load_signer(f"file:{key_file}").public_key
    assert _openssl("pkey", "-in", str(key_file), "-pubout") == public_pem(key)
    (tmp_path / "key.pub").write_bytes(public_pem(key))
    der = _openssl("pkey", "-pubin", "-in", str(tmp_path / "key.pub"), "-outform", "DER")
    (tmp_path / "key.der").write_bytes(der)
    digest = subprocess.run(["sha256sum", tmp_path / "key.der"], check=True, capture_output=True, text=True).stdout
    assert digest.split()[0] == key_id(key)
