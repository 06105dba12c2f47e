"""All SQL of consents: those that stand in each visit, and the texts in force."""

from __future__ import annotations

import apsw

from telesphor.capabilities.visits.consents.entries import (
    CONSENT_GIVEN,
    CONSENT_TEXT_SET,
    CONSENT_WITHDRAWN,
)
from telesphor.capabilities.visits.consents.model import LANGUAGES_MAX, Consent, ConsentRow, TextRow
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, parse_stream
from telesphor.runtime.capability import Recorded

SCHEMA = """
CREATE TABLE IF NOT EXISTS visit_consents(
    visit TEXT NOT NULL,
    actor TEXT NOT NULL,
    consent TEXT NOT NULL,
    text TEXT NOT NULL,
    language TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY(visit, actor, consent)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS consent_texts(
    consent TEXT NOT NULL,
    language TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY(consent, language)
) WITHOUT ROWID;
"""

TABLES = ("visit_consents", "consent_texts")


def consents_of(db: apsw.Connection, visit: str) -> tuple[ConsentRow, ...]:
    """Return all consents that stand in a visit."""
    sql = "SELECT actor, consent, text, language, at FROM visit_consents WHERE visit = ? ORDER BY actor, consent"
    return tuple(
        ConsentRow(ActorId(actor), Consent(consent), Digest(text), language, at)
        for actor, consent, text, language, at in db.execute(sql, (visit,))
    )


def find_consent(db: apsw.Connection, *, visit: str, actor: str, consent: Consent) -> ConsentRow | None:
    """Return one consent, if it stands."""
    sql = "SELECT text, language, at FROM visit_consents WHERE visit = ? AND actor = ? AND consent = ?"
    row = db.execute(sql, (visit, actor, consent.value)).fetchone()
    return None if row is None else ConsentRow(ActorId(actor), consent, Digest(row[0]), row[1], row[2])


def text_in_force(db: apsw.Connection, *, consent: Consent, language: str) -> Digest | None:
    """Return the digest of a text that an organisation set, if any did."""
    sql = "SELECT digest FROM consent_texts WHERE consent = ? AND language = ?"
    row = db.execute(sql, (consent.value, language)).fetchone()
    return None if row is None else Digest(row[0])


def texts_set(db: apsw.Connection) -> tuple[TextRow, ...]:
    """Return all texts that were set and are in force."""
    sql = "SELECT consent, language, digest FROM consent_texts ORDER BY consent, language LIMIT ?"
    rows = db.execute(sql, (LANGUAGES_MAX * len(Consent),))
    return tuple(TextRow(Consent(consent), language, Digest(digest)) for consent, language, digest in rows)


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of consents into the tables; others change nothing here."""
    body = entry.body
    if entry.type == CONSENT_GIVEN.name:
        visit = parse_stream(entry.stream)[1]
        row = (visit, entry.actor, body.consent.value, body.text, body.language, entry.at)
        db.execute("INSERT OR REPLACE INTO visit_consents VALUES(?, ?, ?, ?, ?, ?)", row)
    elif entry.type == CONSENT_WITHDRAWN.name:
        sql = "DELETE FROM visit_consents WHERE visit = ? AND actor = ? AND consent = ?"
        db.execute(sql, (parse_stream(entry.stream)[1], entry.actor, body.consent.value))
    elif entry.type == CONSENT_TEXT_SET.name:
        sql = "INSERT OR REPLACE INTO consent_texts VALUES(?, ?, ?)"
        db.execute(sql, (body.kind.value, body.language, body.digest))
