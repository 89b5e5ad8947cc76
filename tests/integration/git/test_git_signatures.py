"""Our verdict on a signature beside that of `ssh-keygen -Y verify`, for each type of key."""

import subprocess
from pathlib import Path

import pytest

from stagewright.adapters.git.sshsig import Unverified, verify
from stagewright.model.review import SigningKey
from tests.git_world import KEY_KINDS, environment, person, ssh_sign

PAYLOAD = b"the very bytes\n"


def openssh_accepts(directory: Path, kind: str, armor: bytes, payload: bytes) -> bool:
    """Whether ssh-keygen itself takes this signature for git, of this person."""
    who = person("crosscheck", kind)
    (directory / "signers").write_text(who.allowed_signers_line())
    (directory / "signature").write_bytes(armor)
    done = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", who.email, "-n", "git", "-s", "signature"],
        cwd=directory, input=payload, env=environment(directory), capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.parametrize(
    ("namespace", "payload", "accepted"),
    [("git", PAYLOAD, True), ("git", PAYLOAD + b"x", False), ("file", PAYLOAD, False)],
    ids=["good", "other bytes", "other namespace"],
)
def test_verify_agrees_with_openssh(tmp_path: Path, kind: str, namespace: str, payload: bytes, accepted: bool):
    armor = ssh_sign(person("crosscheck", kind), PAYLOAD, namespace=namespace)

    outcome = verify(armor, payload)

    assert openssh_accepts(tmp_path, kind, armor, payload) == accepted
    assert isinstance(outcome, SigningKey) == accepted
    assert accepted == (outcome == SigningKey(fingerprint=person("crosscheck", kind).fingerprint))


def test_verify_of_a_certificate_refuses_it_by_name(tmp_path: Path):
    """`ssh-keygen -Y sign` puts a certificate in the place of the key when one lies beside it."""
    env = environment(tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "ca"], cwd=tmp_path, env=env, check=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "user"], cwd=tmp_path, env=env, check=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-s", "ca", "-I", "user", "-n", "noor@example.com", "user.pub"],
        cwd=tmp_path, env=env, check=True,
    )  # fmt: skip
    (tmp_path / "data").write_bytes(PAYLOAD)
    agent = subprocess.run(["ssh-agent", "-s"], cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    variables = dict(part.strip().split("=") for part in agent.stdout.split(";") if "=" in part)
    try:
        subprocess.run(["ssh-add", "-q", "user"], cwd=tmp_path, env=env | variables, check=True, capture_output=True)
        subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", "user-cert.pub", "data"],
            cwd=tmp_path, env=env | variables, check=True, capture_output=True,
        )  # fmt: skip
    finally:
        subprocess.run(["ssh-agent", "-k"], cwd=tmp_path, env=env | variables, check=True, capture_output=True)

    outcome = verify((tmp_path / "data.sig").read_bytes(), PAYLOAD)

    assert isinstance(outcome, Unverified)
    assert "certificate" in outcome.reason
