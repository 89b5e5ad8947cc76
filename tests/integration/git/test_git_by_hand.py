"""The commands of docs/git-forge.md, run as a person would, and then read by the forge."""

import re
import subprocess
from pathlib import Path

from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.source import GitSource
from stagewright.model.review import SigningKey
from tests.git_world import World, environment, person

PAGE = Path(__file__).parents[3] / "docs/git-forge.md"
SUBJECT = "c" * 64


def test_the_commands_of_the_page_make_what_the_forge_reads(world: World, tmp_path: Path):
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    noor = person("noor")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    for suffix in ("", ".pub"):
        (home / ".ssh" / f"id_ed25519{suffix}").write_bytes(Path(f"{noor.key}{suffix}").read_bytes())
    (home / ".ssh" / "id_ed25519").chmod(0o600)
    (tmp_path / "draft.yaml").write_text("kind: Model\n")
    env = environment(home) | {"DRAFT": str(tmp_path / "draft.yaml"), "SUBJECT": SUBJECT}
    env["GIT_CONFIG_GLOBAL"] = str(home / ".gitconfig")
    subprocess.run(["git", "clone", "-q", str(world.origin), "clone"], cwd=tmp_path, env=env, check=True)

    done = subprocess.run(
        ["sh", "-e", "-c", "\n".join(blocks)],
        cwd=tmp_path / "clone", env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    source = GitSource(url=str(world.origin), branch="main", mirror=tmp_path / "mirror")
    merge = source.fetch()
    pull = GitForge(source).pull(merge, source.commit(merge).parents[0])
    assert pull is not None
    reviews = {review.decision: review for review in GitForge(source).reviews(pull)}
    key = SigningKey(fingerprint=noor.fingerprint)
    assert pull.author == key
    assert [(name, review.author, review.claims, review.flaw) for name, review in sorted(reviews.items())] == [
        ("approve", key, frozenset({SUBJECT}), None),
        ("reject", key, frozenset({SUBJECT}), None),
    ]
    assert reviews["approve"].withdraws == (reviews["reject"].id,)
    assert len(GitForge(source).observations()) == 2
    assert done.stdout.count(f"stagewright-subject: {SUBJECT}") == 2
    assert done.stdout.count('Good "git" signature for noor@acme.example') == 2
