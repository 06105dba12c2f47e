"""A labelled set of messages, made from a seed: nobody chose its texts by looking at what the rules find.

Each message is put together from phrases of a clinic's day, with numbers, names and addresses drawn at random; its
label is what was put in. Leaks are written the way people write: with and without separators, with other words for the
same thing, with typing errors, spelt out, or pulled apart, so that some of them are beyond any pattern. Harmless
messages hold what looks alike: telephone and order numbers, doses, dates of visits, vitamins, the patient's own name.

Everything is invented. The same seed gives the same set on every machine. Start at `make_set`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

DOMAIN: Final = "clinic.example"

_FIRST: Final = (
    *(
        "Maria",
        "James",
        "Aisha",
        "Wei",
        "Olga",
        "Carlos",
        "Ingrid",
        "Tomas",
        "Fatima",
        "Liam",
        "Noor",
        "Elena",
    ),
    *("Pedro", "Hana", "Kofi", "Sofia", "Rose", "Grace", "Mark", "Will", "Joy", "Chidi", "Renée", "José"),
)
_LAST: Final = (
    *(
        "Garcia",
        "Okafor",
        "Lindqvist",
        "Nguyen",
        "Petrov",
        "Haddad",
        "Young",
        "Long",
        "Price",
        "Muñoz",
        "Sato",
    ),
    *("Novak", "Adeyemi", "O'Brien", "Kowalski", "Singh", "Martinez", "Bell", "Marsh", "Rivera", "Weiss"),
)
_OPEN: Final = (
    *(
        "Hi, ",
        "Hello, ",
        "Good morning. ",
        "Hola, ",
        "Dear team, ",
        "",
        "",
        "Quick question: ",
        "Buenos días. ",
    ),
)
_CLOSE: Final = (
    " Thanks!",
    " Thank you.",
    "",
    "",
    " Gracias.",
    " Best, the care team",
    " See you soon.",
    " ok?",
)
_BENIGN: Final = (
    "Please take {dose} mg of {drug} at {hour}:{minute}.",
    "Your visit is on {day}/{month}/{year} at {hour}:{minute}, room {room}.",
    "The pharmacy's number is {phone}; ask for order {order}.",
    "My glucose was {reading} this morning and {reading} at noon.",
    "Blood pressure {systolic}/{diastolic}, pulse {pulse}, temperature 98.{digit}.",
    "I would add vitamin B{digit} or D3 {dose} IU, not both.",
    "La próxima cita es el {day}/{month}/{year}. Traiga su tarjeta.",
    "Can we move it to {month}-{day}? I am at work until {hour}:{minute}.",
    "Lab order {order} is back: A1C 6.{digit}, LDL {reading}.",
    "The parcel's tracking number is {tracking}.",
    "Use the form at https://www.{domain}/forms/{order} before you come.",
    "Write to reception@{domain} if the link does not open.",
    "I read article {order}, pages {day}-{room}, it says T4 and T{digit} vary a lot.",
    "Did {own} feel better after the new dose?",
    "Chapter {digit}.{digit}.{day} of the leaflet explains the pump, model X{order}.",
    "Please reset your password on the portal if you cannot sign in.",
    "She was born to run, that dog! {day} km on Sunday.",
    "It is {room} steps to the {month}th floor; the lift code changes weekly.",
)
_DRUG: Final = (
    "metformin",
    "lisinopril",
    "amoxicillin",
    "sertraline",
    "insulin glargine",
    "ibuprofen",
    "warfarin",
)


class Labelled(NamedTuple):
    """A message, what is known of where it goes, and the codes of what was put in."""

    text: str
    names: tuple[str, ...]
    sent_lately: int
    file_names: tuple[str, ...]
    codes: frozenset[str]


class Chance:
    """Draws that a seed settles: SHA-256 in counter mode."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def below(self, end: int) -> int:
        """A number from 0 up to, not including, `end`."""
        self._count += 1
        digest = sha256(f"{self._seed}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % end

    def among(self, choices: Sequence[str]) -> str:
        """One of some texts."""
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        """So many digits, the first not 0."""
        return str(self.below(9) + 1) + "".join(str(self.below(10)) for _ in range(count - 1))

    def happens(self, percent: int) -> bool:
        """Whether something happens that does so in this many of a hundred cases."""
        return self.below(100) < percent


def make_set(seed: str, *, count: int) -> list[Labelled]:
    """A set of `count` messages, of which about half are harmless."""
    chance = Chance(seed)
    return [_make(chance, index) for index in range(count)]


def _make(chance: Chance, index: int) -> Labelled:
    others = tuple(f"{chance.among(_FIRST)} {chance.among(_LAST)}" for _ in range(8))
    own = f"{chance.among(_FIRST)} {chance.among(_LAST)}"
    names = tuple(name for name in others if name != own)
    sentences = [_fill(chance, chance.among(_BENIGN), own) for _ in range(1 + chance.below(3))]
    codes: set[str] = set()
    sent_lately, file_names = chance.below(25), _file_names(chance)
    if index % 2:
        code = chance.among(sorted(_LEAKS))
        sentence = _LEAKS[code](chance, names)
        codes.add(code)
        if code == "bulk-sending":
            sent_lately = 60 + chance.below(200)
        elif code == "risky-file":
            file_names = (*file_names, sentence)
        if code not in ("bulk-sending", "risky-file"):
            sentences.insert(chance.below(len(sentences) + 1), sentence)
    text = chance.among(_OPEN) + " ".join(sentences) + chance.among(_CLOSE)
    return Labelled(text, names, sent_lately, file_names, frozenset(codes))


def _fill(chance: Chance, template: str, own: str) -> str:
    return template.format(
        dose=(chance.below(20) + 1) * 25,
        drug=chance.among(_DRUG),
        hour=8 + chance.below(10),
        minute=f"{chance.below(6) * 10:02}",
        day=1 + chance.below(28),
        month=1 + chance.below(12),
        year=2026 + chance.below(2),
        room=10 + chance.below(400),
        phone=f"{200 + chance.below(700)}-555-{chance.digits(4)}",
        order=chance.digits(6),
        tracking=f"1Z{chance.digits(9)}{chance.digits(6)}",
        reading=70 + chance.below(130),
        systolic=100 + chance.below(70),
        diastolic=60 + chance.below(40),
        pulse=50 + chance.below(70),
        digit=chance.below(10),
        domain=DOMAIN,
        own=own,
    )


def _file_names(chance: Chance) -> tuple[str, ...]:
    if not chance.happens(20):
        return ()
    return (chance.among(("rash.jpg", "lab report.pdf", "readings.csv", "notes.txt", "visit.summary.pdf")),)


def _spelt(chance: Chance, number: str) -> str:
    """A number as people hide it: in words, or pulled apart. No pattern finds it, and the measure says so."""
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    if chance.happens(50):
        return " ".join(words[int(digit)] for digit in number if digit.isdigit())
    return " . ".join(number)


def _perhaps_hidden(chance: Chance, number: str) -> str:
    return _spelt(chance, number) if chance.happens(4) else number


def _ssn(chance: Chance, _names: Sequence[str]) -> str:
    area, group, serial = 1 + chance.below(665), 1 + chance.below(99), 1 + chance.below(9999)
    separator = chance.among(("-", "-", " ", ""))
    number = separator.join((f"{area:03}", f"{group:02}", f"{serial:04}"))
    lead = (
        "My SSN is ",
        "social security number: ",
        "SSN ",
        "Número de seguro social: ",
        "the soc is ",
        "ss# ",
    )
    return chance.among(lead) + _perhaps_hidden(chance, number) + "."


def _npi(chance: Chance, _names: Sequence[str]) -> str:
    body = chance.among(("1", "2")) + chance.digits(8)
    total = 24  # What `80840` adds (CMS, requirements for the NPI check digit).
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    number = body + str(-total % 10)
    lead = ("My NPI is ", "provider number ", "NPI: ", "prescriber id ", "el proveedor es ", "Dr's number ")
    return chance.among(lead) + _perhaps_hidden(chance, number) + "."


def _record(chance: Chance, _names: Sequence[str]) -> str:
    number = chance.among(("", "", "MR", "A", "H-")) + chance.digits(5 + chance.below(5))
    lead = (
        "MRN ",
        "medical record number ",
        "chart no. ",
        "patient ID: ",
        "expediente ",
        "record # ",
        "his file is ",
    )
    return chance.among(lead) + _perhaps_hidden(chance, number) + "."


def _member(chance: Chance, _names: Sequence[str]) -> str:
    number = chance.among(("XYZ", "W", "ABC-", "H ")) + chance.digits(6 + chance.below(6))
    lead = (
        "member ID ",
        "subscriber ",
        "policy number: ",
        "insurance id is ",
        "póliza ",
        "my plan card says ",
    )
    return chance.among(lead) + _perhaps_hidden(chance, number) + "."


def _birth(chance: Chance, _names: Sequence[str]) -> str:
    day, month, year = 1 + chance.below(28), 1 + chance.below(12), 1930 + chance.below(90)
    name = ("January", "February", "March", "April", "May", "June", "July", "August")[chance.below(8)]
    shapes = (f"{month}/{day}/{year}", f"{day:02}.{month:02}.{year}", f"{year}-{month:02}-{day:02}")
    date = chance.among(
        (*shapes, f"{name} {day}, {year}", f"{day} {name[:3]} {year}", f"{month}/{day}/{year % 100:02}")
    )
    lead = (
        "DOB ",
        "born on ",
        "date of birth: ",
        "her birthday is ",
        "nacida el ",
        "D.O.B. ",
        "she came to us on ",
    )
    return chance.among(lead) + date + "."


def _diagnosis(chance: Chance, _names: Sequence[str]) -> str:
    letter = chance.among(tuple("ABCDEFGHIJKLMNOPQRST"))
    code = f"{letter}{chance.below(10)}{chance.below(10)}"
    code += chance.among(("", f".{chance.below(10)}", f".{chance.digits(2)}"))
    lead = ("Dx ", "ICD-10 ", "diagnosis code ", "diagnóstico ", "coded as ", "diagnosed with ")
    return chance.among(lead) + code + "."


def _card(chance: Chance, _names: Sequence[str]) -> str:
    body = chance.among(("4", "51", "55", "22")) + chance.digits(14)
    body = body[:15]
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    number = body + str(-total % 10)
    separator = chance.among(("", " ", "-"))
    shown = separator.join(number[at : at + 4] for at in range(0, 16, 4))
    return (
        chance.among(("Charge ", "card ", "Visa ", "my card number is "))
        + _perhaps_hidden(chance, shown)
        + "."
    )


def _credential(chance: Chance, _names: Sequence[str]) -> str:
    secret = (
        chance.among(("Winter", "blue-", "Xk!", "tiger_")) + chance.digits(4) + chance.among(("", "!", "#z"))
    )
    token = "AKIA" + "".join(chance.among(tuple("ABCDEFGHJKLMNPQRSTUVWXYZ234567")) for _ in range(16))
    shapes = (
        f"the password is {secret}",
        f"pwd: {secret}",
        f"password for the portal is {secret}",
        f"contraseña: {secret}",
        f"key {token}",
        f"log in as nurse1 / {secret}",
        f"Password={secret}",
    )
    return chance.among(shapes) + "."


def _address(chance: Chance, _names: Sequence[str]) -> str:
    user = chance.among(_FIRST).lower().replace("é", "e") + chance.digits(2)
    host = chance.among(
        ("gmail.com", "mail.example.org", f"{DOMAIN}.evil.test", "cl1nic.example", "outlook.com")
    )
    shown = f"{user}@{host}" if not chance.happens(5) else f"{user} at {host.replace('.', ' dot ')}"
    return f"Send it to {shown} please."


def _other(chance: Chance, names: Sequence[str]) -> str:
    first, last = names[chance.below(len(names))].split(" ")
    initial = chance.among(tuple("ABCDEF"))
    plain = (f"{first} {last}", f"{last}, {first}", f"{first} {initial}. {last}", f"{first} {last}".upper())
    slips = (f"{first} {last[:-1]}", f"{first[0]}. {last}")
    name = chance.among(slips if chance.happens(10) else plain)
    return chance.among(("It is the same as with {}.", "{} had that too.", "Ask {} about it.")).format(name)


def _bulk(chance: Chance, names: Sequence[str]) -> str:
    make = (_ssn, _record, _member, _birth)[chance.below(4)]
    lines = [make(chance, names) for _ in range(7 + chance.below(6))]
    return "\n".join(["", *lines, ""])


def _upload(chance: Chance, _names: Sequence[str]) -> str:
    site = chance.among(
        ("wetransfer.com", "www.dropbox.com", "drive.google.com", "we.tl", "files.fileshare.test")
    )
    return f"I put it on https://{site}/s/{chance.digits(8)}."


def _sending(_chance: Chance, _names: Sequence[str]) -> str:
    return ""


def _file(chance: Chance, _names: Sequence[str]) -> str:
    return chance.among(
        ("invoice.pdf.exe", "photo.svg", "letter.docm", "page.html", "patients.sql", "tool.apk")
    )


_LEAKS: Final[dict[str, Callable[[Chance, Sequence[str]], str]]] = {
    "social-security-number": _ssn,
    "provider-number": _npi,
    "record-number": _record,
    "member-number": _member,
    "birth-date": _birth,
    "diagnosis-code": _diagnosis,
    "payment-card": _card,
    "credential": _credential,
    "foreign-address": _address,
    "other-patient": _other,
    "bulk-identifiers": _bulk,
    "outside-upload": _upload,
    "bulk-sending": _sending,
    "risky-file": _file,
}
