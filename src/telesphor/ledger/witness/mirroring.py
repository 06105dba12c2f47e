"""The agreements of a witness that runs alone: which logs let it read their entries, where, and as whom.

Each is a small file in `mirrors/`, beside the sealed key of the actor that the log's node names as a mirror. The
keys are opened elsewhere: whoever serves the witness hands it a source for each agreement. Start at `load_mirrors`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from telesphor.ledger.witness.standalone import (
    FILE_BYTES_MAX,
    LOGS_MAX,
    WitnessFolder,
    file_name_of,
    read_file,
    replace_file,
)
from telesphor.runtime.folder import PRIVATE_FOLDER, FolderRefused
from telesphor.runtime.network import Url
from telesphor.runtime.settings import Origin, SettingsRefused, format_settings

MIRRORS_MAX: Final = LOGS_MAX

KeyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
"""A file of `mirrors/` itself, nowhere else."""


class MirrorSettings(BaseModel):
    """One agreement: the log, where its node answers, and the key file of the actor that asks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: Origin
    url: Url
    key: KeyName


def load_mirrors(folder: WitnessFolder) -> tuple[MirrorSettings, ...]:
    """The agreements of the witness in `folder`, one for each log; raises `SettingsRefused`."""
    files = sorted(folder.mirrors.glob("*.toml"))
    if len(files) > MIRRORS_MAX:
        raise SettingsRefused(f"a witness mirrors at most `{MIRRORS_MAX}` logs")
    found: dict[str, MirrorSettings] = {}
    for file in files:
        mirror = _read(file)
        if mirror.origin in found:
            raise SettingsRefused(
                f"two files mirror the log `{mirror.origin}`", hint=f"one of them is `{file.name}`"
            )
        found[mirror.origin] = mirror
    return tuple(found.values())


def make_mirror(folder: WitnessFolder, *, origin: str, url: str) -> MirrorSettings:
    """The agreement with a log, and the folder for its key; raises `SettingsRefused`, `FolderRefused`."""
    try:
        mirror = MirrorSettings(origin=origin, url=url, key=f"{file_name_of(origin)}.key")
    except ValidationError as error:
        raise _refusal("the agreement", error) from None
    try:
        folder.mirrors.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise FolderRefused(f"`{folder.mirrors}` cannot be written", hint="check its permissions") from error
    return mirror


def keep_mirror(folder: WitnessFolder, mirror: MirrorSettings) -> None:
    """Write the agreement, in place of an earlier one with the same log; its key must be there already."""
    text = format_settings(mirror.model_dump())
    replace_file(folder.mirrors / f"{file_name_of(mirror.origin)}.toml", text.encode())


def _read(file: Path) -> MirrorSettings:
    try:
        return MirrorSettings(**tomllib.loads(read_file(file, limit=FILE_BYTES_MAX).decode()))
    except ValidationError as error:
        raise _refusal(f"`{file.name}`", error) from None
    except (ValueError, TypeError, RecursionError) as error:  # includes tomllib.TOMLDecodeError
        raise SettingsRefused(f"`{file.name}` is not TOML", detail=type(error).__name__) from error


def _refusal(where: str, error: ValidationError) -> SettingsRefused:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return SettingsRefused(
        f"{where}: `{field}`: {first['msg'].lower()}", hint="see the operator's page on witnesses"
    )
