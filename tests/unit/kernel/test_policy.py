"""Trust policies: the example of the specification, every malformed line, quorums met and not met."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.checkpoint import Checkpoint, CheckpointRefused, LogSigner
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.note import Note, NoteSignature, NoteSignatureRefused, parse_note, parse_vkey
from telesphor.kernel.policy import Group, Policy, PolicyRefused, QuorumNotMet, parse_policy

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "policy.json").read_text("utf-8"))
LOG = LogSigner("ledger.clinic.example/2026", bytes([1]) * 32, bytes([2]) * 32)
ED25519, MLDSA44 = LOG.vkeys()
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
WITNESSES = {name: Cosigner(f"{name}.example", name.encode() * 16, bytes(32)) for name in NAMES}
KEYS = {name: parse_vkey(witness.vkeys()[0]) for name, witness in WITNESSES.items()}
HEAD = Checkpoint(LOG.origin, 5, bytes(range(32)))
A, B, C = (WITNESSES[name].vkeys()[0] for name in ("X1", "X2", "X3"))


def policy(*lines: str) -> Policy:
    return parse_policy("".join(f"{line}\n" for line in lines).encode())


# The example of tlog-policy, section "Example policy", with keys.
EXAMPLE = policy(
    f"log {ED25519}",
    *(f"witness {name} {WITNESSES[name].vkeys()[0]}" for name in NAMES),
    "group X-witnesses 2 X1 X2 X3",
    "group Y-witnesses any Y1 Y2 Y3",
    "group X-and-Y all X-witnesses Y-witnesses",
    "quorum X-and-Y",
)


def note_of(*names: str) -> Note:
    log_lines = parse_note(LOG.sign(HEAD, time_seconds=1)).signatures
    lines = [WITNESSES[name].cosign(HEAD, time_seconds=2)[0] for name in names]
    return Note(HEAD.body(), (*log_lines, *lines))


def test_example_of_the_specification_is_read() -> None:
    assert EXAMPLE.logs == (ED25519,)
    assert dict(EXAMPLE.witnesses) == KEYS
    assert EXAMPLE.groups["X-witnesses"] == Group(2, ("X1", "X2", "X3"))
    assert EXAMPLE.groups["Y-witnesses"] == Group(1, ("Y1", "Y2", "Y3"))
    assert EXAMPLE.groups["X-and-Y"] == Group(2, ("X-witnesses", "Y-witnesses"))
    assert EXAMPLE.quorum == "X-and-Y"


@given(st.sets(st.sampled_from(NAMES)))
def test_example_is_met_by_two_of_x_and_one_of_y(names: set[str]) -> None:
    signed = [KEYS[name] for name in names]
    if len([n for n in names if n[0] == "X"]) >= 2 and [n for n in names if n[0] == "Y"]:
        assert set(EXAMPLE.check_quorum(signed)) == names
    else:
        with pytest.raises(QuorumNotMet):
            EXAMPLE.check_quorum(signed)


def test_refusal_names_what_lacks() -> None:
    with pytest.raises(QuorumNotMet) as refusal:
        EXAMPLE.check_quorum([KEYS["X2"], KEYS["Y3"]])
    assert refusal.value.message == (
        "the quorum of the policy is not met: `X-and-Y` has 1 of the 2 it needs and lacks `X-witnesses`; "
        "`X-witnesses` has 1 of the 2 it needs and lacks `X1`, `X3`"
    )


def test_quorum_may_be_one_witness_or_none() -> None:
    one = policy(f"witness a {A}", f"witness b {B}", "quorum a")
    assert one.check_quorum([parse_vkey(A)]) == ("a",)
    with pytest.raises(QuorumNotMet, match="`a` has not signed"):
        one.check_quorum([parse_vkey(B)])
    assert policy("quorum none").check_quorum([]) == ()
    assert policy(f"witness a {A}", "quorum none").check_quorum([parse_vkey(A), parse_vkey(B)]) == ("a",)


def test_keys_that_the_policy_does_not_name_do_not_count() -> None:
    with pytest.raises(QuorumNotMet):
        policy(f"witness a {A}", "quorum a").check_quorum([parse_vkey(B), parse_vkey(ED25519)])


def test_one_key_many_times_counts_once() -> None:
    two = policy(f"witness a {A}", f"witness b {B}", "group g 2 a b", "quorum g")
    with pytest.raises(QuorumNotMet):
        two.check_quorum([parse_vkey(A)] * 5)


def test_note_that_the_witnesses_signed_meets_the_quorum() -> None:
    assert EXAMPLE.check_note(note_of("X1", "X3", "Y2")) == ("X1", "X3", "Y2")
    with pytest.raises(QuorumNotMet):
        EXAMPLE.check_note(note_of("X1", "Y2"))


def test_hybrid_witness_is_two_lines_and_a_group_of_both() -> None:
    ed25519, mldsa44 = WITNESSES["X1"].vkeys()
    hybrid = policy(
        f"witness x-ed25519 {ed25519}",
        f"witness x-mldsa44 {mldsa44}",
        "group x all x-ed25519 x-mldsa44",
        "quorum x",
    )
    lines = WITNESSES["X1"].cosign(HEAD, time_seconds=2)
    assert hybrid.check_note(Note(HEAD.body(), lines)) == ("x-ed25519", "x-mldsa44")
    for line in lines:
        with pytest.raises(QuorumNotMet, match="1 of the 2"):
            hybrid.check_note(Note(HEAD.body(), (line,)))


def test_failing_line_of_a_named_witness_refuses_the_note_even_when_others_suffice() -> None:
    good = note_of("X1", "X2", "Y1")
    broken = NoteSignature(KEYS["X3"].name, KEYS["X3"].key_id, bytes([1]) * 72)
    with pytest.raises(NoteSignatureRefused):
        EXAMPLE.check_note(Note(good.text, (*good.signatures, broken)))


def test_line_of_a_witness_over_another_text_is_refused() -> None:
    good = note_of("X1", "X2", "Y1")
    with pytest.raises((NoteSignatureRefused, CheckpointRefused)):
        EXAMPLE.check_note(Note(Checkpoint(LOG.origin, 6, HEAD.root).body(), good.signatures))


def test_lines_of_unknown_keys_are_ignored() -> None:
    good = note_of("X1", "X2", "Y1")
    unknown = NoteSignature("someone.example", 7, b"?")
    assert len(EXAMPLE.check_note(Note(good.text, (unknown, *good.signatures)))) == 3


def test_white_space_comments_and_urls_are_allowed() -> None:
    read = policy("", " \t ", "  # a comment", f" log\t{ED25519}  https://ledger.example/ ", " quorum  none ")
    assert read.logs == (ED25519,)


def test_last_line_needs_no_newline() -> None:
    assert parse_policy(b"quorum none").quorum == "none"


def test_names_are_octets_and_are_shown_without_controls() -> None:
    data = b"witness z\xfc\xc2\x9b " + A.encode() + b"\nquorum z\xfc\xc2\x9b\n"
    read = parse_policy(data)
    assert read.check_quorum([parse_vkey(A)]) == ("z\ufffd\ufffd",)
    with pytest.raises(QuorumNotMet, match="`z\ufffd\ufffd` has not signed"):
        read.check_quorum([])


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("log",),
        (f"log {ED25519} url more", "quorum none"),
        ("witness a", "quorum none"),
        (f"witness a {A} url more", "quorum a"),
        ("quorum nobody",),
        ("quorum",),
        ("quorum none", "quorum none"),
        ("quorum a", f"witness a {A}"),
        (f"log {ED25519}", f"log {ED25519}", "quorum none"),
        ("log hello", "quorum none"),
        (f"log {A}", "quorum none"),
        (f"witness a {ED25519}", "quorum a"),
        (f"witness none {A}", "quorum none"),
        (f"witness a {A}", f"witness a {B}", "quorum a"),
        (f"witness a {A}", f"witness b {A}", "quorum a"),
        (f"witness a {A}", "group a any a", "quorum a"),
        (f"witness a {A}", "group none any a", "quorum none"),
        (f"witness a {A}", "group g 2 a", "quorum g"),
        (f"witness a {A}", "group g 0 a", "quorum g"),
        (f"witness a {A}", "group g -1 a", "quorum g"),
        (f"witness a {A}", "group g 1.0 a", "quorum g"),
        (f"witness a {A}", "group g ALL a", "quorum g"),
        (f"witness a {A}", "group g \u0661 a", "quorum g"),
        (f"witness a {A}", f"group g {'0' * 5000}1 a", "quorum g"),
        (f"witness a {A}", "group g any a a", "quorum g"),
        (f"witness a {A}", "group g any none", "quorum g"),
        (f"witness a {A}", "group g any g", "quorum g"),
        (f"witness a {A}", "group g any a", "group h any a", "quorum g"),
        ("group g any later", f"witness later {A}", "quorum g"),
        ("group g any", "quorum none"),
        ("unknown line", "quorum none"),
        ("Quorum none",),
        ("quorum none\r",),
        ("quorum none\0",),
        ("quorum\x0bnone",),
        ("quorum\u00a0none",),
    ],
    ids=lambda lines: " / ".join(line[:18] for line in lines),
)
def test_policy_that_is_not_well_formed_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(PolicyRefused):
        policy(*lines)


def test_same_key_under_another_name_is_a_repeated_key() -> None:
    other = Cosigner("another.example", WITNESSES["X1"].ed25519_seed, bytes(32)).vkeys()[0]
    with pytest.raises(PolicyRefused, match="repeats"):
        policy(f"witness a {A}", f"witness b {other}", "quorum none")


def test_refusal_names_the_line() -> None:
    with pytest.raises(PolicyRefused, match="line 3"):
        policy("# one", "", "witness a hello", "quorum none")


def test_long_chain_of_groups_is_judged_without_recursion() -> None:
    chain = [f"group g{number} any {f'g{number - 1}' if number else 'a'}" for number in range(256)]
    deep = policy(f"witness a {A}", *chain, "quorum g255")
    assert deep.check_quorum([parse_vkey(A)]) == ("a",)
    with pytest.raises(QuorumNotMet) as refusal:
        deep.check_quorum([])
    assert len(refusal.value.message) < 1000


def test_policy_beyond_its_bounds_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        parse_policy(b"#" * 1_048_577)
    with pytest.raises(LimitExceeded, match="groups"):
        policy(f"witness a {A}", *(f"group g{n} any {f'g{n - 1}' if n else 'a'}" for n in range(257)))
    keys = [Cosigner(f"w{n}.example", n.to_bytes(32, "big"), bytes(32)) for n in range(257)]
    with pytest.raises(LimitExceeded, match="witnesses"):
        policy(*(f"witness w{n} {key.vkeys()[0]}" for n, key in enumerate(keys)))
    logs = [LogSigner(f"log{n}.example", n.to_bytes(32, "big"), bytes(32)).vkeys()[0] for n in range(65)]
    with pytest.raises(LimitExceeded, match="logs"):
        policy(*(f"log {vkey}" for vkey in logs))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(data: bytes) -> None:
    try:
        parse_policy(b"witness a " + A.encode() + b"\n" + data)
    except (PolicyRefused, LimitExceeded):
        pass


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_policy_vector_is_judged(vector: dict[str, Any]) -> None:
    read = parse_policy(vector["policy"].encode())
    assert read.quorum == vector["quorum"]
    for signed in vector["met_by"]:
        assert set(read.check_quorum([read.witnesses[name] for name in signed])) == set(signed)
    for signed in vector["not_met_by"]:
        with pytest.raises(QuorumNotMet):
            read.check_quorum([read.witnesses[name] for name in signed])


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_policy_vector_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refusal:
        parse_policy(vector["policy"].encode())
    assert refusal.value.code == vector["code"]
