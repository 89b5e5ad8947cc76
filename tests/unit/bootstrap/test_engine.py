import pytest

from stagewright.bootstrap.engine import image_digest

DIGEST = "sha256:" + "ab" * 32
KNOWN = {
    "a digest alone": DIGEST,
    "a name with its digest": f"registry.example.com:5000/a/stagewright@{DIGEST}",
    "a name, a tag and a digest": f"stagewright:1.2@{DIGEST}",
}
UNKNOWN = {
    "nothing": "",
    "a tag": "stagewright:1.2",
    "a digest that is cut": f"stagewright@{DIGEST[:-1]}",
    "a digest with capitals": f"stagewright@{DIGEST.upper()}",
    "another algorithm": "stagewright@sha512:" + "ab" * 64,
    "two names": f"a@b@{DIGEST}",
    "a line that goes on": f"stagewright@{DIGEST}\n",
}


@pytest.mark.parametrize("reference", KNOWN.values(), ids=KNOWN)
def test_image_that_is_named_by_its_digest_is_known(reference: str):
    assert image_digest(reference) == reference


@pytest.mark.parametrize("reference", UNKNOWN.values(), ids=UNKNOWN)
def test_image_that_may_be_any_is_not_known(reference: str):
    assert image_digest(reference) is None
