"""Parsers of git's objects, of signatures and of decisions: any bytes are read or refused, never believed."""

import base64
import re
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from stagewright.adapters.git.decisions import (
    DecisionText,
    MalformedDecisionError,
    format_decision,
    is_decision,
    parse_decision,
)
from stagewright.adapters.git.objects import MalformedObjectError, parse_commit, parse_parents, parse_tag, parse_tree
from stagewright.adapters.git.sshsig import Unverified, verify
from stagewright.errors import UsageError
from stagewright.model.review import SigningKey
from tests.git_world import KEY_KINDS, person, ssh_sign

PAYLOAD = b"tree 5\nauthor x\n\nHello\n"
BEGIN, END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"


@cache
def signature(kind: str) -> bytes:
    """The binary blob of a good signature over PAYLOAD. Made on first use, which takes longer than a deadline."""
    armor = ssh_sign(person("fuzz", kind), PAYLOAD)
    return base64.b64decode(armor.removeprefix(BEGIN).removesuffix(END))


def armored(blob: bytes) -> bytes:
    text = base64.b64encode(blob)
    return BEGIN + b"".join(text[at : at + 70] + b"\n" for at in range(0, len(text), 70)) + END


@given(st.binary(max_size=300))
def test_verify_of_any_armor_refuses(data: bytes):
    for armor in (data, BEGIN + data + END, armored(data), armored(b"SSHSIG\0\0\0\x01" + data)):
        assert isinstance(verify(armor, PAYLOAD), Unverified)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KEY_KINDS)), st.data())
def test_verify_of_a_signature_with_one_byte_changed_refuses(kind: str, data: st.DataObject):
    blob = bytearray(signature(kind))
    assert verify(armored(bytes(blob)), PAYLOAD) == SigningKey(fingerprint=person("fuzz", kind).fingerprint)
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))

    assert isinstance(verify(armored(bytes(blob)), PAYLOAD), Unverified)


@settings(deadline=None)
@given(st.sampled_from(sorted(KEY_KINDS)), st.data())
def test_verify_of_a_signature_cut_or_lengthened_refuses(kind: str, data: st.DataObject):
    blob = signature(kind)
    cut = data.draw(st.integers(0, len(blob) - 1))
    more = data.draw(st.binary(min_size=1, max_size=40))

    assert isinstance(verify(armored(blob[:cut]), PAYLOAD), Unverified)
    assert isinstance(verify(armored(blob + more), PAYLOAD), Unverified)


@settings(deadline=None)
@given(st.sampled_from(sorted(KEY_KINDS)), st.binary(max_size=60))
def test_verify_over_any_other_payload_refuses(kind: str, other: bytes):
    assert isinstance(verify(armored(signature(kind)), PAYLOAD + other + b"\n"), Unverified)
    assert isinstance(verify(armored(signature(kind)), other), Unverified)


@given(
    st.one_of(
        st.binary(max_size=400), st.from_regex(rb"tree [0-9a-f]{40}\n(parent [0-9a-f]{40}\n)*a.*", fullmatch=True)
    )
)
def test_parsers_of_objects_read_or_refuse_any_bytes(body: bytes):
    for parse in (parse_commit, parse_tag, parse_tree, parse_parents):
        refusal = ""
        try:
            read: object = parse(body)
        except MalformedObjectError as error:
            read, refusal = None, str(error)
        assert (read is None) == refusal.startswith("no ")


hexadecimal = st.text("0123456789abcdef", min_size=40, max_size=40)
header_values = st.binary(max_size=30).filter(lambda raw: b"\n" not in raw)
messages = st.binary(max_size=80)


@given(hexadecimal, st.lists(hexadecimal, max_size=3), header_values, messages)
def test_parse_commit_takes_signature_and_payload_apart_losslessly(
    tree: str, parents: list[str], value: bytes, message: bytes
):
    head = f"tree {tree}\n".encode() + b"".join(f"parent {parent}\n".encode() for parent in parents)
    head += b"author A <a@example.com> 1 +0000\ncommitter B <b@example.com> 1 +0000\n"
    other = b"x-header " + value + b"\n second line\n"
    unsigned = head + other + b"\n" + message
    signed = head + b"gpgsig " + BEGIN + b" AAAA\n " + END + other + b"\n" + message

    read = parse_commit(signed)

    assert parse_commit(unsigned).signed is None
    assert read.signed is not None
    assert (read.signed.payload, read.signed.armor, read.signed.flaw) == (unsigned, BEGIN + b"AAAA\n" + END, None)
    assert (read.tree, read.parents, parse_parents(signed)) == (tree, tuple(parents), tuple(parents))


subjects = st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, max_size=4, unique=True)
decisions = st.builds(
    DecisionText,
    decision=st.sampled_from(["approve", "reject"]),
    subjects=subjects.map(tuple),
    withdraws=st.lists(hexadecimal, max_size=3, unique=True).map(tuple),
    origin=st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,2}(/[a-z]{1,8})?", fullmatch=True) | st.just(""),
    text=st.text(max_size=80),
)


@given(decisions)
def test_parse_of_a_formatted_decision_gives_it_back_or_it_is_not_written(decision: DecisionText):
    try:
        written = format_decision(decision)
    except UsageError:
        assert re.search(r"[\r\0\ud800-\udfff]|stagewright-|-----BEGIN ", decision.text, re.IGNORECASE)
        return
    assert parse_decision(written.encode()) == decision
    assert is_decision("any", written.encode())


@given(st.binary(max_size=300))
def test_parse_decision_reads_or_refuses_any_bytes_and_what_it_reads_it_writes_alike(message: bytes):
    refusal = ""
    try:
        read: DecisionText | None = parse_decision(message)
    except MalformedDecisionError as error:
        read, refusal = None, str(error)
    assert (read is None) == (refusal != "")
    assert read is None or parse_decision(format_decision(read).encode()) == read
