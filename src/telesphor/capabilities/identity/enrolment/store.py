"""All SQL of enrolment: makers, firmware, devices with their last connection, open challenges, and counters in use.

INVARIANT: `device_attempts` holds the counters from the last accepted one upwards, with the nonces that they came
with (the first thousand of them); whatever is below is refused by the counter alone.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw

from telesphor.capabilities.identity.enrolment import entries as facts
from telesphor.capabilities.identity.enrolment.model import (
    CHALLENGE_KEPT_SECONDS,
    COMPROMISING,
    ENTRIES_REMEMBERED,
    ChallengeRow,
    Enrolment,
    FileHash,
    FirmwareId,
    FirmwareRow,
    MakerId,
    MakerRow,
)
from telesphor.capabilities.identity.model import read_jwks
from telesphor.kernel import canonical
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import ActorId, parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS makers(
    maker TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    models TEXT NOT NULL,
    trusted INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS makers_trusted ON makers(organisation, key_id) WHERE trusted;
CREATE TABLE IF NOT EXISTS firmware(
    firmware TEXT PRIMARY KEY,
    maker TEXT NOT NULL,
    model TEXT NOT NULL,
    hash TEXT NOT NULL,
    allowed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS firmware_allowed ON firmware(maker, model, hash) WHERE allowed;
CREATE TABLE IF NOT EXISTS enrolments(
    device TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    maker TEXT NOT NULL,
    model TEXT NOT NULL,
    document TEXT NOT NULL,
    key_id TEXT NOT NULL,
    serial TEXT NOT NULL,
    owner TEXT NOT NULL,
    ends_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    tainted INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    seen_n INTEGER NOT NULL,
    firmware TEXT,
    channel TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS enrolments_serials ON enrolments(maker, serial);
CREATE INDEX IF NOT EXISTS enrolments_owner ON enrolments(owner, device);
CREATE TABLE IF NOT EXISTS device_challenges(
    device TEXT NOT NULL,
    nonce TEXT NOT NULL,
    ends_ms INTEGER NOT NULL,
    n INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY(device, nonce)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS device_attempts(
    device TEXT NOT NULL,
    counter INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    PRIMARY KEY(device, counter, nonce)
) WITHOUT ROWID;
"""

TABLES = ("makers", "firmware", "enrolments", "device_challenges", "device_attempts")

_FIND = (
    "SELECT device, organisation, maker, model, document, key_id, serial, owner, ends_ms, state, tainted, counter,"
    " seen_ms, seen_n, firmware, channel FROM enrolments WHERE device = ?"
)

_COUNT_STATES = "SELECT state, count(*) FROM enrolments GROUP BY state"


def find_maker(db: apsw.Connection, maker: str) -> MakerRow | None:
    """Return a maker that some organisation trusts, or trusted."""
    sql = "SELECT organisation, name, key_id, models, trusted FROM makers WHERE maker = ?"
    row = db.execute(sql, (maker,)).fetchone()
    if row is None:
        return None
    organisation, name, key_id, models, trusted = row
    return MakerRow(ActorId(organisation), name, key_id, tuple(models.split("\n")), bool(trusted))


def maker_of_key(db: apsw.Connection, *, organisation: str, key_id: str) -> MakerId | None:
    """Return the maker as which an organisation trusts this pair now, if it does."""
    sql = "SELECT maker FROM makers WHERE organisation = ? AND key_id = ? AND trusted"
    row = db.execute(sql, (organisation, key_id)).fetchone()
    return None if row is None else MakerId(row[0])


def find_firmware(db: apsw.Connection, firmware: str) -> FirmwareRow | None:
    """Return a firmware that was allowed once."""
    sql = "SELECT maker, model, hash, allowed FROM firmware WHERE firmware = ?"
    row = db.execute(sql, (firmware,)).fetchone()
    return None if row is None else FirmwareRow(MakerId(row[0]), row[1], FileHash(row[2]), bool(row[3]))


def allowed_firmware(db: apsw.Connection, *, maker: str, model: str, file: str) -> FirmwareId | None:
    """Return the id under which this firmware is allowed now for this model, if it is."""
    sql = "SELECT firmware FROM firmware WHERE maker = ? AND model = ? AND hash = ? AND allowed"
    row = db.execute(sql, (maker, model, file)).fetchone()
    return None if row is None else FirmwareId(row[0])


def find_enrolment(db: apsw.Connection, device: str) -> Enrolment | None:
    """Return a device as it was enrolled last, whatever became of it."""
    row = db.execute(_FIND, (device,)).fetchone()
    if row is None:
        return None
    values = dict(zip(Enrolment.__struct_fields__, row, strict=True))
    return Enrolment(**(values | {"tainted": bool(values["tainted"])}))


def devices_of(db: apsw.Connection, owner: str, *, limit: int) -> list[str]:
    """Return ids of devices that were enrolled for an owner last, the newest first."""
    sql = "SELECT device FROM enrolments WHERE owner = ? ORDER BY device DESC LIMIT ?"
    return [str(device) for (device,) in db.execute(sql, (owner, limit))]


def device_ids(db: apsw.Connection, *, after: str, limit: int) -> list[str]:
    """Return ids of devices that were ever enrolled, from behind `after`."""
    sql = "SELECT device FROM enrolments WHERE device > ? ORDER BY device LIMIT ?"
    return [str(device) for (device,) in db.execute(sql, (after, limit))]


def count_states(db: apsw.Connection) -> dict[str, int]:
    """Return how many devices are enrolled, quarantined and revoked."""
    return {str(state): int(count) for state, count in db.execute(_COUNT_STATES)}


def count_seen_since(db: apsw.Connection, since_ms: int) -> int:
    """Return how many enrolled devices connected since, and count as such still."""
    sql = "SELECT count(*) FROM enrolments WHERE state = 'enrolled' AND firmware IS NOT NULL AND seen_ms >= ?"
    return int(db.execute(sql, (since_ms,)).get)


def serial_holder(db: apsw.Connection, *, maker: str, serial: str, but: str) -> ActorId | None:
    """Return another device that stands enrolled or quarantined under this serial number of this maker."""
    sql = "SELECT device FROM enrolments WHERE maker = ? AND serial = ? AND device <> ? AND state <> 'revoked' LIMIT 1"
    row = db.execute(sql, (maker, serial, but)).fetchone()
    return None if row is None else ActorId(row[0])


def find_challenge(db: apsw.Connection, *, device: str, nonce: str) -> ChallengeRow | None:
    """Return a nonce that was given to this device, if it is still remembered."""
    sql = "SELECT ends_ms, n, used FROM device_challenges WHERE device = ? AND nonce = ?"
    row = db.execute(sql, (device, nonce)).fetchone()
    return None if row is None else ChallengeRow(row[0], row[1], bool(row[2]))


def count_open_challenges(db: apsw.Connection, device: str, *, now_ms: int) -> int:
    """Return how many of the device's nonces may still be used."""
    sql = "SELECT count(*) FROM device_challenges WHERE device = ? AND NOT used AND ends_ms >= ?"
    row = db.execute(sql, (device, now_ms)).fetchone()
    assert row is not None
    return int(row[0])


def came_with_another_nonce(db: apsw.Connection, *, device: str, counter: int, nonce: str) -> bool:
    """Whether the device's pair signed this counter before, beside another nonce."""
    sql = "SELECT 1 FROM device_attempts WHERE device = ? AND counter = ? AND nonce <> ? LIMIT 1"
    return db.execute(sql, (device, counter, nonce)).fetchone() is not None


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of enrolment into the tables."""
    fold = _FOLDS.get(entry.type)
    if fold is not None:
        fold(db, entry, parse_stream(entry.stream)[1])


def _trust_maker(db: apsw.Connection, entry: Recorded, maker: str) -> None:
    body = entry.body
    row = (maker, entry.actor, body.name, read_jwks(body.keys).key_id, "\n".join(body.models))
    db.execute("INSERT OR REPLACE INTO makers VALUES(?, ?, ?, ?, ?, 1)", row)


def _distrust_maker(db: apsw.Connection, _entry: Recorded, maker: str) -> None:
    db.execute("UPDATE makers SET trusted = 0 WHERE maker = ?", (maker,))


def _allow_firmware(db: apsw.Connection, entry: Recorded, firmware: str) -> None:
    row = (firmware, entry.body.maker, entry.body.model, entry.body.hash)
    db.execute("INSERT INTO firmware VALUES(?, ?, ?, ?, 1)", row)


def _withdraw_firmware(db: apsw.Connection, _entry: Recorded, firmware: str) -> None:
    db.execute("UPDATE firmware SET allowed = 0 WHERE firmware = ?", (firmware,))


def _enrol(db: apsw.Connection, entry: Recorded, device: str) -> None:
    body = entry.body
    key_id = digest_of(canonical.encode(list(body.keys)))
    before = find_enrolment(db, device)
    counter = 0
    if before is not None and before.key_id == key_id:
        counter = before.counter
    else:  # Another pair counts from the beginning; what was signed with the old one says nothing about it.
        db.execute("DELETE FROM device_attempts WHERE device = ?", (device,))
    db.execute("DELETE FROM device_challenges WHERE device = ?", (device,))
    names = (device, entry.actor, body.maker, body.model, body.document, key_id, body.serial, body.owner)
    times = (parse_instant(body.not_after), "enrolled", 0, counter, parse_instant(entry.at), entry.n)
    sql = "INSERT OR REPLACE INTO enrolments VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"
    db.execute(sql, names + times)


def _challenge(db: apsw.Connection, entry: Recorded, device: str) -> None:
    forgotten_ms = parse_instant(entry.at) - CHALLENGE_KEPT_SECONDS * 1000
    db.execute("DELETE FROM device_challenges WHERE device = ? AND ends_ms < ?", (device, forgotten_ms))
    db.execute(
        "DELETE FROM device_challenges WHERE device = ? AND n < ?", (device, entry.n - ENTRIES_REMEMBERED)
    )
    row = (device, entry.body.nonce, parse_instant(entry.body.not_after), entry.n)
    db.execute("INSERT INTO device_challenges VALUES(?, ?, ?, ?, 0)", row)


def _connect(db: apsw.Connection, entry: Recorded, device: str) -> None:
    body = entry.body
    db.execute("DELETE FROM device_attempts WHERE device = ? AND counter < ?", (device, body.counter))
    _note_attempt(db, device, counter=body.counter, nonce=body.nonce)
    _use_up(db, device, body.nonce)
    sql = (
        "UPDATE enrolments SET counter = ?, seen_ms = ?, seen_n = ?, firmware = ?, channel = ?"
        " WHERE device = ?"
    )
    channel = body.channel if body.bound else None
    db.execute(sql, (body.counter, parse_instant(entry.at), entry.n, body.firmware, channel, device))


def _refuse(db: apsw.Connection, entry: Recorded, device: str) -> None:
    body = entry.body
    _use_up(db, device, body.nonce)
    counts = "SELECT 1 FROM enrolments WHERE device = ? AND state = 'enrolled' AND counter <= ?"
    full = "SELECT 1 FROM device_attempts WHERE device = ? LIMIT 1 OFFSET ?"
    if (
        db.execute(counts, (device, body.counter)).fetchone() is not None
        and db.execute(full, (device, ENTRIES_REMEMBERED)).fetchone() is None
    ):
        _note_attempt(db, device, counter=body.counter, nonce=body.nonce)


def _note_attempt(db: apsw.Connection, device: str, *, counter: int, nonce: str) -> None:
    """Whatever becomes of an answer, its counter is no other answer's."""
    db.execute("INSERT OR IGNORE INTO device_attempts VALUES(?, ?, ?)", (device, counter, nonce))


def _use_up(db: apsw.Connection, device: str, nonce: str) -> None:
    db.execute("UPDATE device_challenges SET used = 1 WHERE device = ? AND nonce = ?", (device, nonce))


def _quarantine(db: apsw.Connection, _entry: Recorded, device: str) -> None:
    db.execute("UPDATE enrolments SET state = 'quarantined', tainted = 1 WHERE device = ?", (device,))


def _revoke(db: apsw.Connection, entry: Recorded, device: str) -> None:
    sql = "UPDATE enrolments SET state = 'revoked', tainted = max(tainted, ?) WHERE device = ?"
    db.execute(sql, (int(entry.body.reason in COMPROMISING), device))


def _change_owner(db: apsw.Connection, entry: Recorded, device: str) -> None:
    sql = "UPDATE enrolments SET owner = ?, firmware = NULL, channel = NULL WHERE device = ?"
    db.execute(sql, (entry.body.owner, device))


_FOLDS: dict[str, Callable[[apsw.Connection, Recorded, str], None]] = {
    facts.MAKER_TRUSTED.name: _trust_maker,
    facts.MAKER_DISTRUSTED.name: _distrust_maker,
    facts.FIRMWARE_ALLOWED.name: _allow_firmware,
    facts.FIRMWARE_WITHDRAWN.name: _withdraw_firmware,
    facts.DEVICE_ENROLLED.name: _enrol,
    facts.DEVICE_CHALLENGED.name: _challenge,
    facts.DEVICE_CONNECTED.name: _connect,
    facts.DEVICE_CONNECT_REFUSED.name: _refuse,
    facts.DEVICE_QUARANTINED.name: _quarantine,
    facts.DEVICE_REVOKED.name: _revoke,
    facts.DEVICE_OWNER_CHANGED.name: _change_owner,
}

STORE = Store(SCHEMA, TABLES, apply)
