"""Pins: the keys a reader gives, and policies in C2SP tlog-policy form."""

from __future__ import annotations

import pytest

from telesphor.kernel.errors import LimitExceeded
from telesphor.verify.pins import PinRefused, Pins, join_pins, read_keys, read_policy
from tests.unit.verify.builder import log_signer

ED25519, MLDSA44 = log_signer().vkeys()
WITNESSES = [log_signer(f"witness {number}", origin=f"w{number}.example").vkeys()[1] for number in range(3)]


def policy(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def test_one_vkey_and_a_file_of_two_are_read() -> None:
    assert read_keys(ED25519) == Pins(frozenset({ED25519}))
    assert read_keys(f"# our ledger\n\n{ED25519}\r\n  {MLDSA44}\n").vkeys == {ED25519, MLDSA44}


@pytest.mark.parametrize("text", ["", "# nothing\n", "hello", ED25519[:-1], ED25519.replace("+", "-", 1)])
def test_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(PinRefused):
        read_keys(text)


def test_log_lines_of_a_policy_are_pins() -> None:
    pins = read_policy(
        policy("# ours", f"log {ED25519} https://ledger.example/", f" \tlog\t{MLDSA44} ", "", "quorum none")
    )
    assert pins.vkeys == {ED25519, MLDSA44}
    assert [one.quorum for one in pins.policies] == ["none"]


def test_policy_with_witnesses_keeps_its_quorum() -> None:
    lines = [f"witness w{number} {vkey}" for number, vkey in enumerate(WITNESSES)]
    pins = read_policy(
        policy(
            f"log {ED25519}", *lines, "group two 2 w0 w1", "group all-of-us all two w2", "quorum all-of-us"
        )
    )
    assert [one.quorum for one in pins.policies] == ["all-of-us"]


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("log",),
        ("quorum nobody",),
        ("quorum none", "quorum none"),
        (f"log {ED25519}", f"log {ED25519}", "quorum none"),
        ("log hello", "quorum none"),
        (f"witness none {WITNESSES[0]}", "quorum none"),
        (f"witness a {WITNESSES[0]}", f"witness a {WITNESSES[1]}", "quorum a"),
        (f"witness a {WITNESSES[0]}", f"witness b {WITNESSES[0]}", "quorum a"),
        (f"witness a {WITNESSES[0]}", "group g 2 a", "quorum g"),
        (f"witness a {WITNESSES[0]}", "group g 0 a", "quorum g"),
        (f"witness a {WITNESSES[0]}", "group g any a a", "quorum g"),
        (f"witness a {WITNESSES[0]}", "group g any a", "group h any a", "quorum g"),
        ("group g any later", "quorum g"),
        ("group g any", "quorum none"),
        ("unknown line", "quorum none"),
        ("quorum none\r",),
    ],
)
def test_policy_that_is_not_well_formed_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(PinRefused):
        read_policy(policy(*lines))


def test_log_under_another_name_is_still_a_repeated_key() -> None:
    other = log_signer(origin="another.example").vkeys()[0]
    with pytest.raises(PinRefused, match="repeats"):
        read_policy(policy(f"log {ED25519}", f"log {other}", "quorum none"))


def test_bytes_outside_ascii_may_stand_in_names_and_comments() -> None:
    witness = f"witness zeugin-\u00fc {WITNESSES[0]}".encode("latin-1")
    assert read_policy(b"# \xff\n" + witness + b"\nquorum zeugin-\xfc\n").policies[0].quorum != "none"


def test_keys_and_policy_together_demand_the_quorum() -> None:
    demanding = read_policy(policy(f"log {MLDSA44}", f"witness w {WITNESSES[0]}", "quorum w"))
    joined = join_pins([read_keys(ED25519), demanding])
    assert joined is not None
    assert joined.vkeys == {ED25519, MLDSA44}
    assert [one.quorum for one in joined.policies] == ["w"]
    assert join_pins([]) is None


def test_pins_beyond_their_bound_are_refused() -> None:
    with pytest.raises(LimitExceeded):
        read_keys("x" * 2_000_000)
    with pytest.raises(LimitExceeded):
        read_policy(b"#" * 2_000_000)
