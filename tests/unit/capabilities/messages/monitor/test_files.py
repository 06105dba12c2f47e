"""What is made of attached files: which are opened, and what text their bytes are."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from pathlib import Path

import pytest

from telesphor.capabilities.messages.monitor.files import class_of, is_pdf, scan_bytes, text_of, unescape
from telesphor.capabilities.messages.monitor.scanner import Finding, join, shipped

VECTORS = json.loads((Path(__file__).parents[4] / "vectors/monitor.json").read_bytes())
RULES = shipped().rules.attachments


def test_each_file_of_the_vectors_is_read_as_they_say() -> None:
    for vector in VECTORS["files"]:
        data, kind = b64decode(vector["data"]), class_of(vector["media_types"], vector["name"], rules=RULES)
        assert (kind, is_pdf(data)) == (vector["class"], vector["pdf"]), vector["name"]
        if vector["verdict"] is None:
            continue
        known = {name: tuple(vector[name]) for name in ("names", "domains")}
        found = scan_bytes(data, size=len(data), kind=kind, scanner=shipped(), **known)
        assert (found.verdict, list(found.codes)) == (vector["verdict"], vector["codes"]), vector["name"]


def test_file_of_which_nothing_is_said_is_opened() -> None:
    assert class_of((), "data", rules=RULES) == "unknown"


def test_kind_in_capitals_is_the_same_kind() -> None:
    assert class_of(("IMAGE/PNG",), "A.PNG", rules=RULES) == "closed"
    assert class_of(("IMAGE/PNG",), "A.CSV", rules=RULES) == "text"


@pytest.mark.parametrize("data", [b"a\0b", b"\0" * 8, "12".encode("utf-16-le")])
def test_bytes_with_a_zero_character_are_no_text(data: bytes) -> None:
    assert text_of(data) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\\u0041", "A"),
        ("&#65;&#x41;&#X41;", "AAA"),
        ("\\ud83d\\ude42", "🙂"),
        ("\\u12", "\\u12"),
        ("&#;", "&#;"),
    ],
)
def test_escapes_are_what_they_stand_for(text: str, plain: str) -> None:
    assert unescape(text) == plain


def test_verdict_of_several_findings_is_the_highest() -> None:
    some = [
        Finding("flag", ("b",)),
        Finding("pass", ("a",)),
        Finding("hold", ("c",)),
        Finding("flag", ("b",)),
    ]
    assert join(some) == Finding("hold", ("a", "b", "c"))
    assert join([]) == Finding("pass", ())


def test_text_of_the_full_size_takes_seconds_whatever_it_is_made_of() -> None:
    """A sender chooses what the monitor looks at: none of these takes it far longer than plain words do."""
    for unit in ("a@a.", "1 ", "\\u0031", "&#49;"):
        data = (unit * (RULES.bytes // 8 // len(unit))).encode()
        began = time.process_time()
        scan_bytes(data, size=len(data), kind="text", scanner=shipped(), names=("Ana Luz",), domains=())
        assert time.process_time() - began < 5
