"""Notes and checkpoints. Two vectors were made by other people's implementations (Go's note package, C2SP)."""

import pytest

from stagewright.errors import LedgerDamagedError, UsageError
from stagewright.ledger.checkpoint import Checkpoint, checkpoint_of, open_checkpoint
from stagewright.ledger.keys import signed_by
from stagewright.ledger.note import (
    MAX_NOTE,
    Note,
    VerifierKey,
    check_name,
    note_signed_by,
    parse_note,
    parse_verifier_key,
    sign_note,
)
from tests.fakes.ledger_store import SeedSigner

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
C2SP_CHECKPOINT = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()
SIGNER = SeedSigner(1)
KEY = VerifierKey(name="ledger.example.com/prod", key=SIGNER.public_key)
HEAD = Checkpoint(origin=KEY.name, size=12, root=bytes(range(32)))


def test_note_of_the_go_implementation_verifies():
    key = parse_verifier_key(GO_KEY)
    assert str(key) == GO_KEY
    assert note_signed_by(parse_note(GO_NOTE), key) is True
    assert bytes(parse_note(GO_NOTE)) == GO_NOTE


def test_checkpoint_in_the_c2sp_specification_parses():
    checkpoint = checkpoint_of(parse_note(C2SP_CHECKPOINT))
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("PeterNeumann+c74f20a3", id="no key"),
        pytest.param(GO_KEY.replace("c74f20a3", "c74f20a4"), id="id of another key"),
        pytest.param(GO_KEY.replace("c74f20a3", "C74F20A3"), id="id in capitals"),
        pytest.param(GO_KEY.replace("+ARpc", "+Arpc"), id="another key"),
        pytest.param(GO_KEY.replace("PeterNeumann", ""), id="no name"),
        pytest.param("a+00000000+AhpcSA==", id="another algorithm"),
        pytest.param(f"{GO_KEY}\n", id="newline"),
        pytest.param(GO_KEY[:-1] + "=", id="cut"),
    ],
)
def test_parse_verifier_key_of_another_spelling_is_damage(text: str):
    with pytest.raises(LedgerDamagedError):
        parse_verifier_key(text)


NOTE = sign_note(HEAD.text, KEY.name, SIGNER)
LINE = NOTE.split(b"\n")[4]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"text\n", id="no signature"),
        pytest.param(b"text\n\n", id="empty signature block"),
        pytest.param(NOTE[:-1], id="no newline at the end"),
        pytest.param(NOTE + b"\n", id="empty line at the end"),
        pytest.param(NOTE.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(NOTE.replace(b"12", b"\xff\xfe"), id="not UTF-8"),
        pytest.param(NOTE.replace("—".encode(), b"-"), id="hyphen"),
        pytest.param(NOTE.replace("— ".encode(), "—  ".encode()), id="two spaces"),
        pytest.param(NOTE.replace("— ledger".encode(), "— led+ger".encode()), id="plus in the name"),
        pytest.param(NOTE.replace("— ledger".encode(), "— led\u00a0ger".encode()), id="space in the name"),
        pytest.param(f"text\n\n— {KEY.name} AAAAAA==\n".encode(), id="key id without signature"),
        pytest.param("text\n\n—  AAAAAAAA\n".encode(), id="no name"),
        pytest.param(NOTE[:-2] + b"!\n", id="not base64"),
        pytest.param(f"text\n\n— {KEY.name} AAAAAAB=\n".encode(), id="base64 with stray bits"),
        pytest.param(NOTE[:-1] + b" \n", id="trailing space"),
        pytest.param(b"a" * (MAX_NOTE + 1), id="too long"),
    ],
)
def test_parse_note_of_another_spelling_is_damage(data: bytes):
    with pytest.raises(LedgerDamagedError):
        parse_note(data)


def test_note_text_may_hold_empty_lines():
    data = sign_note("one\n\ntwo\n", KEY.name, SIGNER)
    assert parse_note(data).text == "one\n\ntwo\n"
    assert note_signed_by(parse_note(data), KEY) is True


def test_note_with_lines_of_unknown_keys_is_signed_by_the_known_one():
    witness = parse_note(sign_note(HEAD.text, "witness.example.org", SeedSigner(3))).signatures
    own = parse_note(NOTE)
    both = Note(text=own.text, signatures=witness + own.signatures)
    assert note_signed_by(parse_note(bytes(both)), KEY) is True
    assert note_signed_by(Note(text=own.text, signatures=witness), KEY) is False


def test_note_with_one_bad_line_of_the_known_key_is_not_signed():
    own = parse_note(NOTE)
    other = parse_note(sign_note("other\n", KEY.name, SIGNER)).signatures
    assert note_signed_by(Note(text=own.text, signatures=own.signatures + other), KEY) is False


@pytest.mark.parametrize("name", ["", "with space", "a+b", "tab\tbed", "line\nbreak", "thin\u2009space"])
def test_check_name_of_a_name_that_no_note_can_carry_is_a_usage_error(name: str):
    with pytest.raises(UsageError):
        check_name(name)


def test_open_checkpoint_of_a_signed_one_is_the_tree_head():
    assert open_checkpoint(NOTE, KEY) == HEAD


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("o\n+1\nROOT\n", "not a tree size", id="plus sign"),
        pytest.param("o\n01\nROOT\n", "not a tree size", id="leading zero"),
        pytest.param("o\n 1\nROOT\n", "not a tree size", id="space before"),
        pytest.param("o\n-1\nROOT\n", "not a tree size", id="negative"),
        pytest.param("o\n1_0\nROOT\n", "not a tree size", id="underscore"),
        pytest.param("o\n٣\nROOT\n", "not a tree size", id="another script"),
        pytest.param("o\n99999999999999999999\nROOT\n", "not a tree size", id="past 64 bits"),
        pytest.param("o\n1\nAAAA\n", "the root hash has 3 bytes, not 32", id="short root"),
        pytest.param("o\n1\nROOT\nextension\n", "has three lines", id="extension line"),
        pytest.param("\n1\nROOT\n", "has three lines", id="no origin"),
        pytest.param("o\n1\n", "has three lines", id="no root"),
        pytest.param("o\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n", "one spelling", id="stray bits"),
    ],
)
def test_checkpoint_of_another_spelling_is_damage(text: str, reason: str):
    root = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    with pytest.raises(LedgerDamagedError, match=reason):
        checkpoint_of(Note(text=text.replace("ROOT", root), signatures=()))


def test_open_checkpoint_of_another_origin_or_key_is_damage():
    with pytest.raises(LedgerDamagedError, match=r"is of 'ledger.example.com/prod', the key of 'x'"):
        open_checkpoint(NOTE, VerifierKey(name="x", key=SIGNER.public_key))
    with pytest.raises(LedgerDamagedError, match="is not signed by"):
        open_checkpoint(NOTE, VerifierKey(name=KEY.name, key=SeedSigner(9).public_key))


def test_signed_by_of_a_malformed_key_is_false():
    assert signed_by(b"short", b"message", bytes(64)) is False
