"""The scanner finds what rules say, in whatever form it is written, and little else."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from telesphor.capabilities.messages.monitor.measuring import measure
from telesphor.capabilities.messages.monitor.presidio import PresidioMissing, PresidioScan
from telesphor.capabilities.messages.monitor.scanner import (
    TEXT_CHARS_MAX,
    Finding,
    Written,
    names_in,
    normalise,
    shipped,
)
from telesphor.capabilities.messages.monitor.synthesis import make_set

VECTORS = json.loads((Path(__file__).parents[4] / "vectors/monitor.json").read_bytes())


def scan(text: str, **known: object) -> Finding:
    return shipped().scan(Written(text=text, **known))  # type: ignore[arg-type]


def test_each_vector_meets_exactly_its_rules() -> None:
    for vector in VECTORS["cases"]:
        known = {name: vector[name] for name in ("names", "domains", "file_names", "sent_lately")}
        found = scan(vector["text"], **known)
        assert (found.verdict, list(found.codes)) == (vector["verdict"], vector["codes"]), vector["name"]


def test_vectors_are_of_the_rules_that_ship() -> None:
    assert VECTORS["rules"] == shipped().digest


@pytest.mark.parametrize(
    "hidden", ["１２３-４５-６７８９", "123\u201045\u20116789", "12\u200b3-45-67\u00ad89"]
)
def test_other_forms_of_digits_and_dashes_hide_nothing(hidden: str) -> None:
    assert "social-security-number" in scan(f"My SSN is {hidden}").codes


@pytest.mark.parametrize(
    "number", ["000-12-3456", "666-12-3456", "912-12-3456", "123-00-4567", "123-45-0000"]
)
def test_numbers_that_are_never_given_out_are_none(number: str) -> None:
    assert scan(f"My SSN is {number}").codes == ()


def test_card_with_a_wrong_check_digit_is_none() -> None:
    assert scan("card 4111 1111 1111 1112").codes == ()


def test_address_of_a_look_alike_domain_is_foreign() -> None:
    own = ("clinic.example",)
    assert scan("write to a@mail.clinic.example", domains=own).codes == ()
    for address in ("a@notclinic.example", "a@clinic.example.evil.test"):
        assert scan(f"write to {address}", domains=own).codes == ("foreign-address",)


@pytest.mark.parametrize("text", ["Maria Garcia", "GARCIA, Maria", "maria q. garcía"])
def test_name_is_found_in_either_order_and_in_any_case(text: str) -> None:
    assert names_in(normalise(f"Ask {text} about it"), ["María García"])


def test_first_name_alone_is_nobody() -> None:
    assert not names_in(
        normalise("Maria said so; Garcia too, later on in the week"), ["María García", "Maria"]
    )


def test_what_is_too_long_is_held() -> None:
    assert scan("a" * (TEXT_CHARS_MAX + 1)) == shipped().broken()


def test_markup_and_control_characters_are_only_text() -> None:
    assert scan("<script>alert(1)</script>\x00\x1b[31m{{7*7}}").verdict == "pass"


TEXT_SECONDS_MAX = 10.0
"""A tenth of a second on a quiet machine; whoever tries everything at every character takes minutes."""
UNITS = ("a.", "1-", "password ", "a@", "4", "eyj", "a-", "1 ", "a@a.", "\u0301", "-----begin ")


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    began = time.perf_counter()
    scan((unit * TEXT_CHARS_MAX)[:TEXT_CHARS_MAX], names=("Maria Garcia",) * 1000)
    assert time.perf_counter() - began < TEXT_SECONDS_MAX


def test_set_is_the_same_for_the_same_seed() -> None:
    assert make_set("a", count=40) == make_set("a", count=40)
    assert make_set("a", count=40) != make_set("b", count=40)


def test_rules_keep_to_what_was_measured() -> None:
    """On a set that nobody looked at while the rules were written; what the shipped seed gives is in the docs."""
    measured = measure(shipped().scan, seed="kept apart", count=700)
    assert measured.recall > 0.85
    assert measured.false_alarms < 0.02
    put_in = {code for one in make_set("x", count=400) for code in one.codes}
    assert {one.code for one in measured.sorts if one.there} == put_in


def test_presidio_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(PresidioMissing):
        PresidioScan(shipped())


@pytest.fixture(scope="module")
def scan_both() -> PresidioScan:
    if not os.environ.get("CI"):
        pytest.importorskip("presidio_analyzer", reason="presidio is an extra")
    return PresidioScan(shipped())


def test_presidio_asks_nobody_elsewhere(scan_both: PresidioScan, monkeypatch: pytest.MonkeyPatch) -> None:
    """To judge an address of mail, which is not looked for, it would fetch a list of domains."""
    asked: list[object] = []

    def find(*words: object, **_: object) -> list[object]:
        asked.append(words)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", find)
    scan_both(Written(text="Write to rosa@clinic.example, and pay to DE89370400440532013000."))
    assert asked == []


def test_presidio_adds_its_findings_to_ours(scan_both: PresidioScan) -> None:
    found = scan_both(Written(text="MRN 12345678, and pay to DE89370400440532013000"))
    assert found == Finding("flag", ("bank-account", "record-number"))
    assert scan_both(Written(text="See you on Monday.")).verdict == "pass"
