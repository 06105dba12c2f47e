"""The scanner: which rules a text meets. Pure: a text and what is known of its thread in, codes out.

1. The text is brought to one form: compatibility forms folded (NFKD), marks and invisible characters gone, every dash
   the same, lower case. So writing an identifier in full-width digits hides nothing.
2. Each pattern is looked for; a match counts if its check holds, and, for patterns with words, if one of these stands
   just before it or begins it.
3. Names of other patients, addresses of other domains, names of files, and how many identifiers there are.

Of what is attached, `files.py` says what is opened and makes a text of it; `scan_file` then looks for the same.

The patterns keep to what Python (`re.ASCII`) and JavaScript understand alike; `tests/vectors/monitor.json` holds the
two scanners together. `docs/spec/messages.md` specifies them. Start at `Scanner.scan`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from telesphor.kernel.digest import Digest, digest_of

TEXT_CHARS_MAX: Final = 20_000
"""As long as a message may be; what is longer is scanned so far and counts as broken."""

Level = Literal["note", "flag", "hold"]
Check = Literal["ssn", "npi", "luhn"]

_RANK: Final[dict[str, int]] = {"note": 0, "flag": 1, "hold": 2}
_VERDICTS: Final = ("pass", "flag", "hold")
_DASHES: Final = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE63, 0xFF0D], "-")
_WORD: Final = re.compile(r"[a-z0-9]+", re.ASCII)


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pattern. `words`: one of them stands before it; `counts`: a match is one identifier more."""

    code: str
    level: Level
    counts: bool
    pattern: str
    check: Check | None
    words: tuple[str, ...]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that needs no more than a code."""

    code: str
    level: Level


class Addresses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule about addresses; its pattern's first group is the domain."""

    code: str
    level: Level
    pattern: str


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that is met by so many."""

    code: str
    level: Level
    count: int


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule about names of attached files."""

    code: str
    level: Level
    endings: tuple[str, ...]


class Attachments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules about what is attached.

    Attributes:
        bytes: of a text, how many are looked at; `pdf_bytes`: how large a PDF may be to be opened at all;
            `message_bytes`: of one message, how many are fetched.
        bulk: how many identifiers in one file are many; a document about one person has some.
        text_types, text_suffixes, text_endings: beginnings and ends of media types, and ends of names, of texts.
        closed_types: beginnings of media types that are not opened.
        not_opened: the rule that what is attached is of a kind that is not opened.
        not_read: the rule that it is of one that is, and could not be read, or not to its end.
    """

    bytes: int
    pdf_bytes: int
    message_bytes: int
    bulk: Counted
    text_types: tuple[str, ...]
    text_suffixes: tuple[str, ...]
    text_endings: tuple[str, ...]
    closed_types: tuple[str, ...]
    not_opened: Named
    not_read: Named


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rules.json`. `near`: within how many characters before a match its words stand."""

    format: Literal["telesphor-rules/2"]
    v: Literal[2]
    near: int
    patterns: tuple[Pattern, ...]
    addresses: Addresses
    names: Named
    bulk: Counted
    sending: Counted
    files: Files
    attachments: Attachments
    broken: Named


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What is scanned, and what is known of where it goes.

    Attributes:
        names: of patients whom the thread is not about and who are not in it.
        domains: of which addresses may be without a word.
        file_names: of what is attached.
        sent_lately: how many messages its sender sent in the last hour.
    """

    text: str
    names: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    sent_lately: int = 0


class Finding(msgspec.Struct, frozen=True):
    """Which rules were met, by their codes in order, and what that comes to."""

    verdict: Literal["pass", "flag", "hold"]
    codes: tuple[str, ...]


class Scanner:
    """The scanner under one set of rules; safe between threads.

    Args:
        rules: the bytes of a `rules.json`.
    """

    def __init__(self, rules: bytes) -> None:
        self.rules: Final = msgspec.json.decode(rules, type=Rules)
        self.digest: Final[Digest] = digest_of(rules)
        flags = re.ASCII
        self._patterns = [(one, re.compile(one.pattern, flags)) for one in self.rules.patterns]
        self._addresses = re.compile(self.rules.addresses.pattern, flags)

    def scan(self, written: Written) -> Finding:
        """Say which rules a text meets. Time grows with the text and with the names, and with nothing else."""
        text = normalise(written.text[:TEXT_CHARS_MAX])
        met: dict[str, Level] = {}
        identifiers: set[str] = set()
        for pattern, match in self.matches(text):
            met[pattern.code] = _higher(met.get(pattern.code), pattern.level)
            identifiers |= {match[0]} if pattern.counts else set()
        for rule in self._others(text, written, count=len(identifiers)):
            met[rule.code] = _higher(met.get(rule.code), rule.level)
        return conclude(met)

    def scan_file(self, text: str, *, names: tuple[str, ...], domains: tuple[str, ...]) -> Finding:
        """Say which rules the text of an attached file meets.

        What is only noted, such as codes of diagnoses, does not count as an identifier here: a summary is full of it.

        Args:
            text: bounded by whoever read it, and looked at whole.
        """
        found = normalise(text)
        met: dict[str, Level] = {}
        identifiers: set[str] = set()
        for pattern, match in self.matches(found):
            met[pattern.code] = _higher(met.get(pattern.code), pattern.level)
            identifiers |= {match[0]} if pattern.counts and pattern.level != "note" else set()
        bulk = self.rules.attachments.bulk
        for rule in self._of_people(found, names, domains):
            met[rule.code] = rule.level
        if len(identifiers) >= bulk.count:
            met[bulk.code] = bulk.level
        return conclude(met)

    def matches(self, text: str) -> Iterator[tuple[Pattern, re.Match[str]]]:
        """What counts as a match of a pattern in a normalised text, pattern by pattern."""
        for pattern, expression in self._patterns:
            for match in expression.finditer(text):
                if self._holds(pattern, text, match):
                    yield pattern, match

    def broken(self) -> Finding:
        """What is said of a message that does not open, or is not what its header says."""
        return meet(self.rules.broken)

    def _holds(self, pattern: Pattern, text: str, match: re.Match[str]) -> bool:
        if pattern.check is not None and not _CHECKS[pattern.check](match[0]):
            return False
        if not pattern.words:
            return True
        # With the match itself, which may begin with such a word: `mrn 123456`.
        around = " ".join(_WORD.findall(text[max(0, match.start() - self.rules.near) : match.end()]))
        return any(f" {word} " in f" {around} " for word in pattern.words)

    def _others(
        self, text: str, written: Written, *, count: int
    ) -> Iterator[Named | Addresses | Counted | Files]:
        rules = self.rules
        yield from self._of_people(text, written.names, written.domains)
        if count >= rules.bulk.count:
            yield rules.bulk
        if written.sent_lately >= rules.sending.count:
            yield rules.sending
        if any(ending_of(name) in rules.files.endings for name in written.file_names):
            yield rules.files
        if len(written.text) > TEXT_CHARS_MAX:
            yield rules.broken

    def _of_people(
        self, text: str, names: Sequence[str], domains: Sequence[str]
    ) -> Iterator[Named | Addresses]:
        known = {domain.lower() for domain in domains}
        if any(not _is_of(match[1], known) for match in self._addresses.finditer(text)):
            yield self.rules.addresses
        if names_in(text, names):
            yield self.rules.names


@cache
def shipped() -> Scanner:
    """The scanner with the rules that ship."""
    return Scanner(files(__package__).joinpath("rules.json").read_bytes())


def conclude(met: dict[str, Level]) -> Finding:
    """Codes in order, and the verdict: the highest level; what is only to be noted passes."""
    rank = max((_RANK[level] for level in met.values()), default=0)
    verdict = _VERDICTS[rank]
    return Finding(
        "hold" if verdict == "hold" else "flag" if verdict == "flag" else "pass", tuple(sorted(met))
    )


def meet(rule: Named) -> Finding:
    """What is found where one rule is met, and no other."""
    return conclude({rule.code: rule.level})


def join(findings: Iterable[Finding]) -> Finding:
    """What several findings come to together."""
    all_found = list(findings)
    rank = max((_VERDICTS.index(one.verdict) for one in all_found), default=0)
    codes = {code for one in all_found for code in one.codes}
    return Finding(
        "hold" if rank == 2 else "flag" if rank == 1 else "pass",
        tuple(sorted(codes)),
    )


def ending_of(name: str) -> str:
    """What stands behind the last point of a name, as rules have it; all of it where there is none."""
    return normalise(name).strip().rstrip(".").rpartition(".")[2]


def normalise(text: str) -> str:
    """The one form of a text in which patterns are looked for."""
    folded = unicodedata.normalize("NFKD", text.replace("\r\n", "\n").replace("\t", " "))
    kept = (char for char in folded.translate(_DASHES) if unicodedata.category(char) not in ("Mn", "Cf"))
    # Dashes and spaces that NFKD makes are plain already; runs of spaces are one.
    return re.sub(" {2,}", " ", "".join(kept).lower())


def names_in(text: str, names: Iterable[str]) -> bool:
    """Whether a normalised text names one of these people: first and last of at least two words, in either order.

    One word may stand between them, as a middle name does.
    """
    words = _WORD.findall(text)
    follows: dict[str, set[str]] = {}
    for index, word in enumerate(words):
        follows.setdefault(word, set()).update(words[index + 1 : index + 3])
    for name in names:
        parts = _WORD.findall(normalise(name))
        if len(parts) >= 2:
            first, last = parts[0], parts[-1]
            if last in follows.get(first, ()) or first in follows.get(last, ()):
                return True
    return False


def _higher(known: Level | None, level: Level) -> Level:
    return level if known is None or _RANK[level] > _RANK[known] else known


def _is_of(domain: str, allowed: set[str]) -> bool:
    return any(domain == one or domain.endswith("." + one) for one in allowed)


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if "0" <= char <= "9"]


def _is_ssn(text: str) -> bool:
    """No area 000, 666 or 9xx, no group 00, no serial 0000 (Social Security Administration, POMS RM 10201)."""
    number = "".join(map(str, _digits(text)))
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def _is_luhn(text: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B; a number of one digit repeated is none."""
    return len(set(_digits(text))) > 1 and 13 <= len(_digits(text)) <= 19 and _luhn(_digits(text))


def _is_npi(text: str) -> bool:
    """The check digit of a National Provider Identifier, which counts `80840` before it (45 CFR 162.406)."""
    return _luhn([8, 0, 8, 4, 0, *_digits(text)])


def _luhn(digits: Sequence[int]) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


_CHECKS: Final = {"ssn": _is_ssn, "npi": _is_npi, "luhn": _is_luhn}
