"""Rules in plain words, for people who want to know why somebody was allowed what.

Start at `rule_in_plain_words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from telesphor.capabilities.access.vocabulary import BROKEN_GLASS, TOKEN_PREFIX

NOBODY_ALLOWS: Final = "no rule allows it"

_BASE: Final[Mapping[str, str]] = {
    "base:owner": "wrote it",
    "base:subject": "is the person it is about",
    "base:reader": "is listed as a reader of it",
    "base:custodian": "keeps the records, as the organisation or its node",
    "base:participant": "takes part in the visit",
    "base:correspondent": "takes part in the thread",
    "base:thread-of-the-organisation": "the thread is kept by the organisation",
    "base:visit-of-the-organisation": "the visit is the organisation's own",
    "base:visit-opened": "may open visits",
    "base:measured": "measures, as a device or system",
    "base:proof-shown": "may show proofs of other organisations",
    "base:handed-on": "may hand on what it holds, and gather people and things to grant to",
    "base:mirrored": "keeps a mirror of the ledger",
    "base:connected": "connects, as a device",
    "base:log-of-the-organisation": "watches over the log, as the organisation or its privacy officer",
    "base:contract-run": "runs contracts",
    BROKEN_GLASS: "emergency access",
}


class Texts(NamedTuple):
    """What the words are made of.

    Attributes:
        grantors: who granted each token.
        emergency: the reason of the emergency access, where there was one.
        shipped: whether the base that ships is in force; another's rules are not what their ids make believe.
    """

    grantors: Mapping[str, str]
    emergency: str = ""
    shipped: bool = True


def rule_in_plain_words(reasons: Sequence[str], texts: Texts, *, outcome: str) -> str:
    """Say why, of all reasons of a decision."""
    if not reasons:
        return NOBODY_ALLOWS
    said = "; ".join(in_plain_words(reason, texts) for reason in reasons)
    return f"forbidden by {said}" if outcome == "deny" else said


def in_plain_words(reason: str, texts: Texts) -> str:
    """Say what one policy is, by its id: `token:...`, `base:...`, or a rule of the organisation."""
    if reason.startswith(TOKEN_PREFIX):
        grantor = texts.grantors.get(reason.removeprefix(TOKEN_PREFIX))
        return "a grant" if grantor is None else f"a grant by {grantor}"
    if reason == BROKEN_GLASS and texts.emergency:
        return f"emergency access, reason: {texts.emergency.replace('-', ' ')}"
    if texts.shipped and reason in _BASE:
        return _BASE[reason]
    if reason.startswith("base:"):
        return f"the base rule `{reason.removeprefix('base:')}`"
    return f"the organisation's rule `{reason}`"
