"""The manifest: what a contract is called, what it reacts to, and all that it may ever ask for.

Authors write it as TOML beside the source; on the ledger it is a document in canonical JSON, named by digest.
Start at `read_manifest` (TOML) and `parse_manifest` (the document).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.contracts.model import (
    MANIFEST_BYTES_MAX,
    CallRefused,
    Limits,
    ManifestRefused,
    NameField,
    VersionField,
)
from telesphor.capabilities.contracts.schedule import parse_cron
from telesphor.kernel import canonical
from telesphor.kernel.canonical import NotCanonical
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.ids import InvalidId, parse_id
from telesphor.runtime.capability import Body

TRIGGERS_MAX = 16
EFFECTS_NAMED_MAX = 32
FIELDS_MAX = 32

MANIFESTS_REMEMBERED = 256
"""Parsed manifests, by their bytes: more than an organisation has contracts."""

_TypeField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9.-]*/[1-9][0-9]*\Z", max_length=64)]
_PathField = Annotated[
    str, Meta(pattern=r"^(|(entry|call|schedule)(\.[a-z][a-z0-9_]{0,63}){1,8})\Z", max_length=200)
]
_FilterPath = Annotated[
    str, Meta(pattern=r"^(actor|stream|type|body(\.[a-z][a-z0-9_]{0,63}){1,8})\Z", max_length=200)
]
_Words = Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
_Shape = Literal[
    "text", "text?", "integer", "integer?", "boolean", "boolean?", "decimal", "decimal?", "id", "id?",
    "instant", "instant?", "list", "list?", "object", "object?",
]  # fmt: skip
Fields = Annotated[
    dict[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z", max_length=64)], _Shape],
    Meta(max_length=FIELDS_MAX),
]
"""The members of a JSON object and what each holds; `?` marks one that may be left out."""

_CallerKind = Literal["person", "system", "device", "organisation", "node"]


class OnEntry(Body, frozen=True, kw_only=True, tag_field="on", tag="entry"):
    """Entries of one type; where `where` is given, those in which each path has one of these values."""

    type: _TypeField
    where: Annotated[dict[_FilterPath, _Words], Meta(max_length=8)] = msgspec.field(default_factory=dict)


class OnSchedule(Body, frozen=True, kw_only=True, tag_field="on", tag="schedule"):
    """Times, as cron has them: minute, hour, day of the month, month, day of the week; UTC."""

    name: NameField
    cron: Annotated[str, Meta(pattern=r"^[0-9*/, -]+\Z", max_length=100)]


class OnCall(Body, frozen=True, kw_only=True, tag_field="on", tag="call"):
    """A direct call, by actors of these kinds, with an argument and a result of these shapes."""

    name: NameField
    callers: Annotated[tuple[_CallerKind, ...], Meta(min_length=1, max_length=5)]
    argument: Fields = msgspec.field(default_factory=dict)
    result: Fields = msgspec.field(default_factory=dict)


TriggerRule = OnEntry | OnSchedule | OnCall

_ROOTS: dict[type, str] = {OnEntry: "entry.", OnSchedule: "schedule.", OnCall: "call."}


class Manifest(Body, frozen=True, kw_only=True):
    """What stands beside a contract's source.

    Attributes:
        commands: types of the commands that it may ask the node to give.
        connectors: names of those it may send through.
        secrets: names of those its messages may refer to; it never sees one.
        ordering: `serial`, one run after the other; or `key`, in order for each value at the path `key`.
    """

    name: NameField
    version: VersionField
    summary: Annotated[str, Meta(min_length=1, max_length=200)]
    triggers: Annotated[tuple[TriggerRule, ...], Meta(min_length=1, max_length=TRIGGERS_MAX)]
    commands: Annotated[tuple[_TypeField, ...], Meta(max_length=EFFECTS_NAMED_MAX)] = ()
    connectors: Annotated[tuple[NameField, ...], Meta(max_length=EFFECTS_NAMED_MAX)] = ()
    secrets: Annotated[tuple[NameField, ...], Meta(max_length=EFFECTS_NAMED_MAX)] = ()
    ordering: Literal["serial", "key"] = "serial"
    key: _PathField = ""
    limits: Limits = msgspec.field(default_factory=Limits)

    def call(self, name: str) -> OnCall:
        """The call of this name; raises `CallRefused`."""
        for rule in self.triggers:
            if isinstance(rule, OnCall) and rule.name == name:
                return rule
        raise CallRefused(f"`{self.name}` takes no call `{name[:64]}`", hint="its manifest lists its calls")


def read_manifest(text: str) -> bytes:
    """The document of a manifest written in TOML; raises `ManifestRefused`."""
    try:
        data = canonical.encode(tomllib.loads(text))
    except RecursionError as error:
        raise ManifestRefused("the manifest is nested too deeply to be one") from error
    except tomllib.TOMLDecodeError as error:
        raise ManifestRefused("the manifest is not TOML", hint=_shown(error)) from error
    except NotCanonical as error:
        raise ManifestRefused(f"in the manifest, {error.message}", hint=error.hint) from error
    parse_manifest(data)
    return data


@lru_cache(maxsize=MANIFESTS_REMEMBERED)
def parse_manifest(data: bytes) -> Manifest:
    """The manifest in a document.

    Raises:
        ManifestRefused: it is not canonical, too large, has an unknown member, or contradicts itself.
    """
    try:
        canonical.decode(data, limit=MANIFEST_BYTES_MAX)
        manifest = msgspec.json.decode(data, type=Manifest)
    except (NotCanonical, LimitExceeded) as error:
        raise ManifestRefused(error.message, hint=error.hint) from error
    except msgspec.ValidationError as error:
        raise ManifestRefused("the manifest is not one", hint=_shown(error)) from error
    _check_rules(manifest)
    return manifest


def check_fields(value: object, fields: Mapping[str, str], *, what: str) -> None:
    """Refuse a JSON value that is not an object of this shape; raises `CallRefused`, naming the member only."""
    if not isinstance(value, dict):
        raise CallRefused(f"the {what} is not an object")
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise CallRefused(f"the {what} has a member that is not declared", hint="the manifest lists them")
    for name, shape in fields.items():
        if name not in value:
            if not shape.endswith("?"):
                raise CallRefused(f"the {what} lacks `{name}`")
        elif not _SHAPES[shape.removesuffix("?")](value[name]):
            raise CallRefused(f"`{name}` of the {what} is not of the kind `{shape.removesuffix('?')}`")


def _shown(error: Exception) -> str:
    """What a parser says, of which a terminal obeys nothing."""
    return "".join(character if character.isprintable() else "?" for character in str(error)[:200])


def value_at(value: object, path: str) -> object:
    """What stands at a dotted path of a JSON value; None where there is nothing."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _check_rules(manifest: Manifest) -> None:
    if (manifest.ordering == "key") != bool(manifest.key):
        raise ManifestRefused('`key` goes with `ordering = "key"`, and only with it')
    named = [(type(rule), rule.name) for rule in manifest.triggers if not isinstance(rule, OnEntry)]
    if len(set(named)) != len(named):
        raise ManifestRefused("two triggers of one kind have the same name")
    reacted = [rule.type for rule in manifest.triggers if isinstance(rule, OnEntry)]
    if any(type.startswith(_RUNS) for type in (*reacted, *manifest.commands)):
        raise ManifestRefused(
            "a contract neither reacts to runs nor causes them",
            hint="contracts that wake each other never rest",
        )
    for rule in manifest.triggers:
        if isinstance(rule, OnSchedule):
            parse_cron(rule.cron)
        if manifest.key and not manifest.key.startswith(_ROOTS[type(rule)]):
            raise ManifestRefused(
                f"`{manifest.key}` is not in every trigger",
                hint="a contract ordered by key has one kind of trigger",
            )


_RUNS = ("contract.", "trigger.")
"""Entries about runs; what a run's effects bring about is counted, and ends (`effects.model.DEPTH_MAX`)."""

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)


def _is_id(value: object) -> bool:
    try:
        parse_id(value)
    except InvalidId:
        return False
    return True


_SHAPES: dict[str, Callable[[object], bool]] = {
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "boolean": lambda value: isinstance(value, bool),
    "decimal": lambda value: isinstance(value, str) and _DECIMAL.fullmatch(value) is not None,
    "instant": lambda value: isinstance(value, str) and _INSTANT.fullmatch(value) is not None,
    "id": _is_id,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
