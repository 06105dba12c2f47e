"""A witness that runs alone: its folder, and a server of nothing but the witness's routes.

A folder holds `witness.toml`, the sealed keys, the card, the memory, and the vkeys of each log that is
witnessed. What this module guarantees: no capability and no ledger is loaded; one process at a time has the
folder; and a witness whose memory is gone does not start, because its keys without its memory could sign what
contradicts its past. Start at `create_witness` and `open_witness`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from telesphor.kernel import base64url
from telesphor.kernel.card import CARD_BYTES_MAX, Card, CardRefused, Role, read_card, sign_card
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.keyfile import KEYFILE_BYTES_MAX, open_keyfile, seal_keyfile
from telesphor.kernel.note import parse_vkey
from telesphor.ledger.witness.mirror import EntrySource, Mirror
from telesphor.ledger.witness.routes import WitnessDesk, witness_handlers, witness_routes
from telesphor.ledger.witness.store import MemoryMissing as MemoryMissing
from telesphor.ledger.witness.store import WitnessStore
from telesphor.ledger.witness.witness import LOG_KEYS_MAX, SubmissionCheck, Witness, log_keys
from telesphor.runtime.folder import (
    PRIVATE_FOLDER,
    FolderLock,
    FolderRefused,
    NodeFolder,
    PassphraseMissing,
    write_private,
)
from telesphor.runtime.http import Edge, build_edge
from telesphor.runtime.network import Attribute
from telesphor.runtime.serving import FOR_NODES, IN_THE_CLEAR, Listener, listen
from telesphor.runtime.settings import (
    FileSettings,
    Origin,
    Places,
    SettingsRefused,
    check_link,
    format_settings,
    read_settings,
)
from telesphor.runtime.telemetry import Metrics
from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.link import NodeLink

CARD_DAYS: Final = 400
"""A year and time to renew: what a card says of a place or an operator must be said again now and then."""

LOGS_MAX: Final = 1_024
"""Logs of one witness; each is a small file and a row."""

FILE_BYTES_MAX: Final = 64 * 1024
"""Settings, and the vkeys of one log: a few kilobytes each."""

DAY_MS: Final = 24 * 60 * 60 * 1000


class LogFileRefused(TelesphorError):
    """A file does not hold the vkeys of one log, or the card of a witness."""

    code = "witness-log-file-refused"
    kind = Kind.INVALID


class WitnessSettings(FileSettings):
    """One witness: `witness.toml`, overridden by `TELESPHOR_WITNESS_*` variables."""

    model_config = SettingsConfigDict(env_prefix="TELESPHOR_WITNESS_", extra="forbid", frozen=True)

    name: Origin
    """The name in its keys: a schema-less URL that is its own for all time."""
    organisation: Attribute
    region: Attribute
    cloud: Attribute
    operator: Attribute
    role: Role = Role.WITNESS
    host: str = "127.0.0.1"
    port: int = Field(default=8421, ge=0, le=65_535)
    tls_identity: Path | None = None
    """PEM: its ML-DSA certificate and the key; with it, nothing is spoken in the clear."""
    tls_trust: Places = ()
    """Roots of the organisations whose nodes may connect: files, or folders of `*.pem`."""
    passphrase: SecretStr | None = None
    passphrase_file: Path | None = None

    @model_validator(mode="after")
    def _check_link(self) -> WitnessSettings:
        check_link(self.tls_identity, self.tls_trust)
        return self


@dataclass(frozen=True)
class WitnessFolder:
    """Where each file of a witness is."""

    path: Path

    @property
    def settings(self) -> Path:
        return self.path / "witness.toml"

    @property
    def key(self) -> Path:
        return self.path / "keys" / "witness.key"

    @property
    def card(self) -> Path:
        return self.path / "card.json"

    @property
    def memory(self) -> Path:
        return self.path / "witness.sqlite"

    @property
    def logs(self) -> Path:
        """One `.vkeys` file for each log that is witnessed."""
        return self.path / "logs"

    @property
    def cards(self) -> Path:
        """For a notary: the cards of the witnesses that it knows."""
        return self.path / "cards"

    @property
    def mirrors(self) -> Path:
        """The agreements with logs whose entries it reads, and the keys with which it asks."""
        return self.path / "mirrors"

    @property
    def mirror_memory(self) -> Path:
        """How far those entries are validated; made again from the logs when it is lost."""
        return self.path / "mirror.sqlite"

    @property
    def levels(self) -> Path:
        """For a notary: its policy of levels; without it the shipped default."""
        return self.path / "levels.toml"

    @property
    def address(self) -> Path:
        """Where a serving witness says how to reach it."""
        return self.path / "witness.address"


@dataclass(frozen=True)
class OpenWitness:
    """A witness that is ready to be served."""

    folder: WitnessFolder
    settings: WitnessSettings
    desk: WitnessDesk
    channels: ChannelBook

    def edge(self) -> Edge:
        """Its routes, with health and counters, and nothing else."""
        metrics = Metrics()
        metrics.registry.register(self.channels)
        return build_edge(
            handlers=witness_handlers(self.desk, prefix=""),
            raw=witness_routes(self.desk, prefix=""),
            metrics=metrics,
            health=lambda: {"status": "ok", "name": self.settings.name},
        )

    def listen(self, *, host: str = "", port: int | None = None) -> Listener:
        """Listen where the settings say, with TLS where they name a certificate.

        Raises:
            AddressRefused, TlsFileRefused.
        """
        link = self.link()
        context = None if link is None else link.listening()
        place = listen(host or self.settings.host, self.settings.port if port is None else port)
        return Listener(place, context, IN_THE_CLEAR if context is None else FOR_NODES)

    def link(self) -> NodeLink | None:
        """Its place among the nodes, where the settings give it one."""
        return link_of(self.folder, self.settings, self.channels)

    def reload(self) -> int:
        """Read the logs' keys again; returns how many logs are witnessed."""
        logs = load_logs(self.folder)
        self.desk.witness.trust(logs)
        return len(logs)


def link_of(folder: WitnessFolder, settings: WitnessSettings, book: ChannelBook) -> NodeLink | None:
    """A witness's place among the nodes, where its settings give it one."""
    return NodeLink.of(folder.path, identity=settings.tls_identity, trust=settings.tls_trust, book=book)


def create_witness(path: Path, *, settings: WitnessSettings, passphrase: bytes, clock: Clock) -> Card:
    """Make a witness in a folder that does not exist yet: keys, card, empty memory, settings.

    Raises:
        FolderRefused, CardRefused, VkeyRefused.
    """
    folder = WitnessFolder(path)
    cosigner = Cosigner.generate(settings.name)
    card = make_card(settings, cosigner, clock=clock)
    _make_folders(folder)
    secret = {
        "name": cosigner.name,
        "cosigner": [base64url.encode(cosigner.ed25519_seed), base64url.encode(cosigner.mldsa44_seed)],
    }
    write_private(folder.key, seal_keyfile(secret, passphrase=passphrase))
    write_private(folder.card, sign_card(card, cosigner))
    store = WitnessStore(folder.memory, new=True)
    store.bind(f"{cosigner.name}+{cosigner.keys.mldsa44.key_id:08x}")
    store.close()
    known = settings.model_dump(exclude_none=True, exclude={"passphrase"})
    shown = {name: value for name, value in known.items() if value != ()}
    # Last, so that a folder with settings is whole.
    write_private(folder.settings, format_settings(shown).encode())
    return card


def make_card(settings: WitnessSettings, cosigner: Cosigner, *, clock: Clock) -> Card:
    """What the settings say, in force from now on."""
    now_ms = clock.now_ms()
    return Card(
        role=settings.role,
        name=settings.name,
        organisation=settings.organisation,
        region=settings.region,
        cloud=settings.cloud,
        operator=settings.operator,
        vkeys=cosigner.vkeys(),
        issued_at=format_instant(now_ms),
        expires_at=format_instant(now_ms + CARD_DAYS * DAY_MS),
    )


@contextmanager
def open_witness(
    path: Path,
    *,
    passphrase: bytes,
    clock: Clock,
    check: SubmissionCheck | None = None,
    sources: Mapping[str, EntrySource] | None = None,
    channels: ChannelBook | None = None,
) -> Iterator[OpenWitness]:
    """Open the witness in `path` for this process while the block runs.

    Args:
        sources: where the entries of each log that it mirrors are read, by origin.
        channels: where its channels are noted.

    Raises:
        SettingsRefused, WrongPassphrase, KeyfileRefused, CardRefused, VkeyRefused: a file is wrong.
        MemoryMissing: it cannot know what it has signed.
        FolderInUse: another process has it.
    """
    folder, settings = WitnessFolder(path), load_witness_settings(path)
    lock = FolderLock(NodeFolder(path))
    try:
        cosigner = load_cosigner(folder, passphrase=passphrase)
        witness = Witness(
            cosigner=cosigner,
            card=_load_card(folder, cosigner),
            logs=load_logs(folder),
            store=WitnessStore(folder.memory),
            clock=clock,
            check=check,
        )
        mirror = Mirror(folder.mirror_memory, sources) if sources else None
        desk = WitnessDesk(witness, entry_check=mirror)
        try:
            yield OpenWitness(folder, settings, desk, channels or ChannelBook(clock))
        finally:
            desk.close()
            if mirror is not None:
                mirror.close()
    finally:
        lock.release()


def load_witness_settings(path: Path) -> WitnessSettings:
    """Read and check the settings of the witness in `path`; raises `SettingsRefused`."""
    file = WitnessFolder(path).settings
    if not file.is_file():
        raise SettingsRefused(
            f"`{path}` holds no witness", hint=f"make one with `telesphor witness init {path}`"
        )
    return read_settings(WitnessSettings, file)


def load_cosigner(folder: WitnessFolder, *, passphrase: bytes) -> Cosigner:
    """Open the sealed keys; raises `WrongPassphrase`, `KeyfileRefused`, `FolderRefused`."""
    secret = open_keyfile(read_file(folder.key, limit=KEYFILE_BYTES_MAX), passphrase=passphrase)
    return Cosigner(secret["name"], *(base64url.decode(seed) for seed in secret["cosigner"]))


def load_logs(folder: WitnessFolder) -> dict[str, tuple[str, ...]]:
    """The vkeys of each log that is witnessed, by origin; raises `LogFileRefused`, `VkeyRefused`."""
    files = sorted(folder.logs.glob("*.vkeys"))
    if len(files) > LOGS_MAX:
        raise LogFileRefused(f"a witness has at most `{LOGS_MAX}` logs")
    logs: dict[str, tuple[str, ...]] = {}
    for file in files:
        origin, vkeys = read_log_file(read_file(file, limit=FILE_BYTES_MAX))
        if origin in logs:
            raise LogFileRefused(f"two files name the log `{origin}`", hint=f"one of them is `{file.name}`")
        logs[origin] = vkeys
    return logs


def read_log_file(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Origin and vkeys of a log's `log.vkeys`: one on each line, `#` begins a comment."""
    try:
        lines = [line.strip() for line in data.decode().splitlines()]
    except UnicodeDecodeError:
        raise LogFileRefused("the file of vkeys is not text") from None
    vkeys = tuple(line for line in lines if line and not line.startswith("#"))
    if not 1 <= len(vkeys) <= LOG_KEYS_MAX:
        raise LogFileRefused(f"a file of vkeys names between 1 and {LOG_KEYS_MAX} keys of one log")
    origin = parse_vkey(vkeys[0]).name
    log_keys(origin, vkeys)
    return origin, vkeys


def trust_file(folder: WitnessFolder, data: bytes) -> str:
    """Keep the vkeys of a log, or a card: a log's, or for a notary a witness's. Returns the name in it.

    Repeating it replaces the keys: what is remembered of the log stays.
    """
    if not data.lstrip().startswith(b"{"):
        origin, _ = read_log_file(data)
        replace_file(folder.logs / f"{file_name_of(origin)}.vkeys", data)
        return origin
    card = read_card(data.strip())
    replace_file(folder.cards / f"{file_name_of(card.name)}.json", data.strip())
    if card.role is Role.LOG:
        replace_file(
            folder.logs / f"{file_name_of(card.name)}.vkeys", "".join(f"{v}\n" for v in card.vkeys).encode()
        )
    return card.name


def load_cards(folder: WitnessFolder) -> tuple[Card, ...]:
    """The cards of the witnesses that a notary knows; raises `CardRefused`, naming the file."""
    return tuple(_load_known_card(file) for file in sorted(folder.cards.glob("*.json")))


def _load_known_card(file: Path) -> Card:
    try:  # A card that came through a shell has a newline at its end.
        return read_card(read_file(file, limit=CARD_BYTES_MAX + 1).strip())
    except TelesphorError as error:
        raise CardRefused(
            f"`cards/{file.name}`: {error.message}",
            hint="`telesphor witness trust` checks a card and puts it there",
        ) from error


def renew_card(path: Path, *, passphrase: bytes, clock: Clock) -> Card:
    """Sign a new card, in force from now on, with what the settings say today."""
    folder = WitnessFolder(path)
    cosigner = load_cosigner(folder, passphrase=passphrase)
    card = make_card(load_witness_settings(path), cosigner, clock=clock)
    replace_file(folder.card, sign_card(card, cosigner))
    return card


def read_witness_passphrase(settings: WitnessSettings, *, ask: bool = False) -> bytes:
    """The passphrase from the settings or their file, or asked for on a terminal; raises `PassphraseMissing`."""
    if settings.passphrase is not None:
        return settings.passphrase.get_secret_value().encode()
    if settings.passphrase_file is not None:
        return read_file(settings.passphrase_file, limit=FILE_BYTES_MAX).strip()
    if ask and sys.stdin.isatty():
        from getpass import getpass

        return getpass("passphrase of the witness's keys: ").encode()
    raise PassphraseMissing(
        "the passphrase of the witness's keys is not known",
        hint="set TELESPHOR_WITNESS_PASSPHRASE_FILE to a file that holds it",
    )


def read_file(file: Path, *, limit: int) -> bytes:
    """A whole small file of the witness; raises `FolderRefused`."""
    try:
        with file.open("rb") as source:
            data = source.read(limit + 1)
    except OSError as error:
        raise FolderRefused(f"`{file}` cannot be read", hint="check the path and its permissions") from error
    if len(data) > limit:
        raise FolderRefused(f"`{file}` is larger than `{limit}` bytes")
    return data


def file_name_of(name: str) -> str:
    """A name may hold slashes; the beginning of its digest is a file name anywhere."""
    return sha256(name.encode()).hexdigest()[:16]


def replace_file(file: Path, data: bytes) -> None:
    """Write a small private file whole, in place of what is there."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    write_private(fresh, data)
    fresh.replace(file)


def _make_folders(folder: WitnessFolder) -> None:
    try:
        if folder.path.exists() and any(folder.path.iterdir()):
            raise FolderRefused(f"`{folder.path}` is not empty", hint="name a folder that does not exist yet")
        for made in (folder.path, folder.key.parent, folder.logs, folder.cards):
            made.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderRefused(f"`{folder.path}` cannot be written", hint="check its permissions") from error


def _load_card(folder: WitnessFolder, cosigner: Cosigner) -> bytes:
    data = read_file(folder.card, limit=CARD_BYTES_MAX)
    if read_card(data).vkeys != cosigner.vkeys():
        raise FolderRefused(
            "`card.json` is the card of other keys", hint="run `telesphor witness card --renew`"
        )
    return data
