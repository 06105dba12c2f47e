"""Write `monitor.json`: texts, what is known of where they go, and the codes that every scanner must give.

Run it where the rules have changed on purpose, and look at what changed: python tests/vectors/generate_monitor.py
"""

from __future__ import annotations

import json
from pathlib import Path

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
    found = {"format": "telesphor-monitor-vectors/1", "rules": scanner.digest, "cases": cases}
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


if __name__ == "__main__":
    main()
