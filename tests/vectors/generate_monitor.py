"""Write `monitor.json`: texts, what is known of where they go, and the codes that every scanner must give.

Run it where the rules have changed on purpose, and look at what changed: python tests/vectors/generate_monitor.py
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from telesphor.capabilities.messages.monitor.files import class_of, is_pdf, scan_bytes
from telesphor.capabilities.messages.monitor.scanner import Written, shipped
from telesphor.capabilities.messages.monitor.synthesis import DOMAIN, make_set

PICKED = {
    "nothing": "See you on Monday at ten.",
    "empty": "",
    "full-width digits": "My SSN is １２３-４５-６７８９",
    "zero-width joint": "My SSN is 12\u200b3-45-6789",
    "non-breaking hyphen": "ssn 123\u201145\u20116789",
    "accents in words": "Número de póliza ABC-1234567",
    "carriage returns": "MRN\r\n12345678",
    "tab": "MRN\t12345678",
    "upper case": "PASSWORD: HUNTER2X",
    "ligature": "the conﬁdential ﬁle, DOB 3/4/1987",
    "emoji": "🙂 card 4111 1111 1111 1111 🙂",
    "dotless i": "ıcd E11",
    "long s": "paſſword: hunter2x",
    "kelvin sign": "KELVIN \u212a 12345678 mrn",
    "surrogate pairs": "𝟏𝟐𝟑-𝟒𝟓-𝟔𝟕𝟖𝟗",
    "arabic digits": "ssn ١٢٣٤٥٦٧٨٩",
    "own and foreign address": "a@clinic.example b@clinic.example.evil.test",
    "code with a point": "coded as E11.9, and Z79.4.",
    "vitamin": "B12 and D3 daily",
    "sharp s": "STRASSE straße 123-45-6789",
    "markup": "<b>MRN</b> <i>12345678</i>",
}
_ROW = "MRN {}, DOB 3/4/19{}\n"
FILES: list[tuple[str, list[str], bytes]] = [
    ("note.txt", ["text/plain"], b"Take two of these with water."),
    ("empty.txt", ["text/plain"], b""),
    ("note.txt", ["text/plain"], "Número de póliza ABC-1234567".encode()),
    ("note.txt", ["text/plain"], "\ufeffssn １２３-４５-６７８９".encode()),
    ("note.txt", ["text/plain"], "ssn 123-45-6789".encode("utf-16")),
    ("note.txt", ["text/plain"], "\ufeffssn 123-45-6789".encode("utf-16-be")),
    ("note.txt", ["text/plain"], "ssn 123-45-6789 ñ".encode("latin-1")),
    ("note.txt", ["text/plain"], "ssn 123-45-6789".encode("utf-16-le")),
    ("people.csv", ["application/vnd.ms-excel"], b"name,note\nMaria Garcia,asked for a date\n"),
    ("PEOPLE.CSV ", ["application/vnd.ms-excel"], b"password: hunter2x\n"),
    ("people", ["text/csv", "image/png"], b"password: hunter2x\n"),
    ("picture.png", ["image/png"], b"password: hunter2x\n"),
    ("picture.svg", ["image/svg+xml"], b"<svg><text>password: hunter2x</text></svg>"),
    ("archive.zip", ["application/zip"], b"PK\x03\x04"),
    ("letter.docx", ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"], b"PK"),
    ("data", ["application/octet-stream"], b"card 4111 1111 1111 1111"),
    ("data", ["application/octet-stream"], bytes(range(256)) * 4),
    ("data", ["application/octet-stream"], b"\xff\xfe\xfd" * 40),
    ("broken.json", ["application/json"], bytes(range(256)) * 4),
    ("patient.json", ["application/fhir+json"], b'{"mrn": "\\u0031\\u0032345678", "note": "\\ud83d\\ude42"}'),
    ("patient.json", ["application/fhir+json"], b'{"half": "\\ud83d", "ssn": "123-45-6789"}'),
    ("patient.xml", ["application/fhir+xml"], b"<mrn>&#49;&#x32;345678</mrn>&#0;&#1114112;"),
    ("few.csv", ["text/csv"], "".join(_ROW.format(120_000 + n, 50 + n) for n in range(9)).encode()),
    ("many.csv", ["text/csv"], "".join(_ROW.format(120_000 + n, 50 + n) for n in range(10)).encode()),
    ("codes.txt", ["text/plain"], " ".join(f"E{10 + n}.9" for n in range(40)).encode()),
    ("scan.pdf", ["application/pdf"], b"%PDF-1.7\n"),
    ("scan.txt", ["text/plain"], b"\n%PDF-1.7\n"),
    ("scan.pdf", ["application/pdf"], b"password: hunter2x\n"),
]
"""Files that browsers and monitor must read alike."""

SET = 140
"""Messages of the generated set that are vectors too."""


def main() -> None:
    scanner = shipped()
    cases = []
    for name, text in PICKED.items():
        cases.append(_case(name, Written(text=text, names=("María García",), domains=(DOMAIN,))))
    for index, one in enumerate(make_set("vectors", count=SET)):
        written = Written(
            text=one.text,
            names=one.names,
            domains=(DOMAIN,),
            file_names=one.file_names,
            sent_lately=one.sent_lately,
        )
        cases.append(_case(f"generated {index}", written))
    files = [_file(*one) for one in FILES]
    found = {
        "format": "telesphor-monitor-vectors/2",
        "rules": scanner.digest,
        "cases": cases,
        "files": files,
    }
    path = Path(__file__).with_name("monitor.json")
    path.write_text(json.dumps(found, indent=1, ensure_ascii=True) + "\n", encoding="ascii")


def _case(name: str, written: Written) -> dict[str, object]:
    finding = shipped().scan(written)
    return {
        "name": name,
        "text": written.text,
        "names": list(written.names),
        "domains": list(written.domains),
        "file_names": list(written.file_names),
        "sent_lately": written.sent_lately,
        "verdict": finding.verdict,
        "codes": list(finding.codes),
    }


def _file(name: str, media_types: list[str], data: bytes) -> dict[str, object]:
    kind = class_of(media_types, name, rules=shipped().rules.attachments)
    known: dict[str, Any] = {"names": ("María García",), "domains": (DOMAIN,)}
    finding = None
    if kind != "closed" and not is_pdf(data):
        finding = scan_bytes(data, size=len(data), kind=kind, scanner=shipped(), **known)
    return {
        "name": name,
        "media_types": media_types,
        "data": b64encode(data).decode(),
        "names": list(known["names"]),
        "domains": list(known["domains"]),
        "class": kind,
        "pdf": is_pdf(data),
        "verdict": finding.verdict if finding else None,
        "codes": list(finding.codes) if finding else None,
    }


if __name__ == "__main__":
    main()
