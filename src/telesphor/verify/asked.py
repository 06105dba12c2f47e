"""Whether a request asked for the entries that it stands behind.

A signature under a request says nothing about an entry unless the entry is what was asked for. For each
type of entry `causes` names the commands that may cause it, and what the command and the entry must both say.
Entries about keys are compared in `keyring`, genesis in `trust_genesis`. A type that stands in none of these is
believed to be the node's right reading of the request; `docs/spec/causes.md` says so.

A stream counts as what it names: an entry on `visit/<id>` says `visit: <id>`, and so does a link for the stream that
it leads to. A stream that is an actor's own is said by whoever asks.

Start at `Asked`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from telesphor.kernel import canonical
from telesphor.kernel.digest import digest_of
from telesphor.kernel.entry import Entry
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import parse_stream
from telesphor.verify.causes import CAUSES, OBJECT_LINKED
from telesphor.verify.ledger import Placed
from telesphor.verify.request import Command, Request

# What a command says by its type alone.
_ROLES: Final = {
    "visit.open-on-proof/1": "proof",
    "visit.read-object/1": "read",
    "visit.record-reading/1": "reading",
}
# Kinds of streams that are the actor's own.
_OWN_STREAMS: Final = ("readings", "mirrors", "access", "policy", "consents", "passkey", "session")
# What a step of a visit rests on. The node finds it and links it with the step, so that whoever asked for the step
# of this visit asked for that as well.
GROUNDS: Final = frozenset({"access", "presentation", "device", "token", "group", "break-glass", "contract"})
# Texts that the command brings and the entry names by their digest.
_HASHED: Final = {
    "presentation.request/1": ("nonce",),
    "policy.set/1": ("policies",),
    "contract.deploy/1": ("manifest", "source"),
    "contract.upgrade/1": ("manifest", "source"),
}
_NAMES: Final[dict[str, set[tuple[str, ...]]]] = {}
for _causes in CAUSES.values():
    for _command, _names in _causes.items():
        _NAMES.setdefault(_command, set()).add(tuple(_names))


class NotAsked(TelesphorError):
    """The signed request behind an entry asked for something else."""

    code = "not-asked"
    kind = Kind.UNAUTHENTICATED


class Asked:
    """All that one request asked for; made once, so that each of its entries is looked up in one step."""

    def __init__(self, request: Request) -> None:
        self._asked: set[bytes] = set()
        # Whoever links one entry by name asked for that one, and for no other ground.
        steps = (command for command in request.commands if command.type != "visit.link/1")
        self._visits = {f"visit/{command.body.get('visit')}" for command in steps}
        for command in request.commands:
            said = _said_by_command(command, request)
            for names in _NAMES.get(command.type, ()):
                self._asked.add(_key(command.type, names, said))

    def check(self, placed: Placed) -> None:
        """Refuse an entry of a type in `CAUSES` that the request did not ask for."""
        causes = CAUSES.get(placed.entry.type)
        if causes is None:
            return
        said = _said_by_entry(placed.entry)
        asked = (_key(command, names, said) in self._asked for command, names in causes.items())
        if not any(asked) and not self._is_ground(placed.entry):
            raise NotAsked(f"the request of position {placed.position} did not ask for `{placed.entry.type}`")

    def _is_ground(self, entry: Entry) -> bool:
        """Whether it links what a step rests on, to a visit that the request is about."""
        is_link = entry.type == OBJECT_LINKED and str(entry.body.get("role")) in GROUNDS
        return is_link and entry.stream in self._visits


def _key(command: str, names: Sequence[str], said: Mapping[str, object]) -> bytes:
    return canonical.encode([command, *names, *(said.get(name) for name in names)])


def _said_by_command(command: Command, request: Request) -> dict[str, object]:
    said: dict[str, object] = {**command.body, "shares": command.body.get("share")}
    said["exports"] = command.body.get("visit")
    for name in _OWN_STREAMS:
        said[name] = request.actor
    if command.type == "passkey.remove/1":  # an organisation may ask it for a person
        said["passkey"] = command.body.get("id")
    if command.type == "invitation.accept/1":  # whoever accepts joins itself
        said["member"] = request.actor
    said["break-glass"] = command.body.get("break_glass")
    if command.type in _ROLES:
        said["role"] = _ROLES[command.type]
    for name in _HASHED.get(command.type, ()):
        text = command.body.get(name)
        said[name] = digest_of(text.encode()) if isinstance(text, str) else text
    readers = command.body.get("readers")
    if isinstance(readers, list) and all(isinstance(reader, str) for reader in readers):
        said["readers"] = sorted(readers)  # as entries name them, in whatever order they were asked for
    return said


def _said_by_entry(entry: Entry) -> dict[str, object]:
    said = dict(entry.body)
    target = said.get("stream")
    if isinstance(target, str):
        kind, name = parse_stream(target)
        said[kind] = name
    kind, name = parse_stream(entry.stream)
    said[kind] = name
    return said
