"""Trust policies: which logs are accepted, and which witnesses must have cosigned (C2SP tlog-policy).

A policy is a text of lines: `log`, `witness`, `group` and one `quorum`. What this module guarantees: every
name is defined before it is used, each name counts towards the quorum in one way only, one key is one
witness whatever it is called, and a quorum is met by verified signatures or refused by name.

Start at `parse_policy` and `Policy.check_note`. A witness here has two keys: two `witness` lines and a
group `all` of both. Bytes: the specification; what we add to it: `docs/spec/levels.md`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from telesphor.kernel.checkpoint import MLDSA44_TYPE, CosignatureVerifier
from telesphor.kernel.cosignature import COSIGNATURE_ED25519_TYPE, TimedEd25519Verifier
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.note import (
    ED25519_TYPE,
    Ed25519Verifier,
    Note,
    Vkey,
    VkeyRefused,
    parse_vkey,
)

POLICY_BYTES_MAX: Final = 1024 * 1024
"""Room for each line that the bounds below allow; an ML-DSA-44 vkey is 1.8 KB."""
LOGS_MAX: Final = 64
"""The specification asks for 32; ours have two keys each."""
WITNESSES_MAX: Final = 256
"""The specification asks for 32; ours have two keys each, and a note holds a hundred lines."""
GROUPS_MAX: Final = 256
"""The specification asks for 32; each of our witnesses takes one for itself."""
NO_QUORUM: Final = "none"

_KeyName = tuple[str, bytes] | tuple[str, str, int]
_Verifier = Ed25519Verifier | TimedEd25519Verifier | CosignatureVerifier

_NAMES_SHOWN_MAX: Final = 8
_NOTHING_BUT_TEXT: Final = set(range(0x20)) - {0x09, 0x0A} | {0x7F}


class PolicyRefused(TelesphorError):
    """The bytes are not a policy, or not one that can be met."""

    code = "policy-refused"
    kind = Kind.INVALID


class QuorumNotMet(TelesphorError):
    """Fewer witnesses have cosigned than the policy demands; the message names which are lacking."""

    code = "quorum-not-met"
    kind = Kind.UNAUTHENTICATED


@dataclass(frozen=True)
class Group:
    """So many of these members must have witnessed; members are witnesses or groups defined before."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A policy as it was read.

    Attributes:
        logs: the accepted vkeys, as text.
        witnesses: key by name. Names are octets: bytes that are not UTF-8 stand as surrogates (PEP 383).
        groups: group by name, in the order of their definition, so that members come first.
        quorum: a witness's or group's name, or `none`.
    """

    logs: tuple[str, ...]
    witnesses: Mapping[str, Vkey]
    groups: Mapping[str, Group]
    quorum: str
    _verifiers: Mapping[str, _Verifier] = field(repr=False, compare=False)

    def check_note(self, note: Note) -> tuple[str, ...]:
        """Verify every line of a named witness under a checkpoint, then the quorum.

        Returns the names that signed. Raises `NoteSignatureRefused` or `CheckpointRefused` when a line of
        a named witness does not verify, and `QuorumNotMet`.
        """
        known = {(v.name, v.key_id): v for v in self._verifiers.values()}
        signed = []
        for line in note.signatures:
            verifier = known.get((line.name, line.key_id))
            if verifier is not None:
                verifier.verify(note.text, line.signature)
                signed.append(verifier.vkey)
        return self.check_quorum(signed)

    def check_quorum(self, signed: Collection[Vkey]) -> tuple[str, ...]:
        """The names, fit to be shown, of the witnesses among the keys whose signatures were verified.

        Raises `QuorumNotMet`, naming what lacks.
        """
        keys = {(vkey.signature_type, vkey.public_key) for vkey in signed}
        names = [n for n, vkey in self.witnesses.items() if (vkey.signature_type, vkey.public_key) in keys]
        if self.quorum != NO_QUORUM:
            self._check_met(set(names))
        return tuple(map(_shown, names))

    def _check_met(self, met: set[str]) -> None:
        # Members are defined before their group, so one pass in order decides every group.
        for name, group in self.groups.items():
            if len(met.intersection(group.members)) >= group.threshold:
                met.add(name)
        if self.quorum in met:
            return
        lacking, unmet = [self.quorum], []
        while lacking:
            name = lacking.pop(0)
            if name in self.groups:
                lacking += [member for member in self.groups[name].members if member not in met]
                unmet.append(_shortfall(name, self.groups[name], met))
            elif not unmet:
                unmet.append(f"`{_shown(name)}` has not signed")
        raise QuorumNotMet(f"the quorum of the policy is not met: {'; '.join(unmet[:_NAMES_SHOWN_MAX])}")


def parse_policy(data: bytes) -> Policy:
    """Read a policy file in full.

    Raises:
        LimitExceeded: the file or what it defines is beyond its bound.
        PolicyRefused: naming the line that is not well formed, or saying that there is no quorum.
    """
    if len(data) > POLICY_BYTES_MAX:
        raise LimitExceeded(f"the policy is larger than {POLICY_BYTES_MAX} bytes")
    if _NOTHING_BUT_TEXT & set(data):
        raise PolicyRefused("the policy holds control characters other than tab and newline")
    reader = _Reader()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if words and not words[0].startswith("#"):
            reader.take(words, number)
    return reader.policy()


class _Reader:
    """What has been read of a policy so far."""

    def __init__(self) -> None:
        self.logs: list[str] = []
        self.witnesses: dict[str, _Verifier] = {}
        self.groups: dict[str, Group] = {}
        self.members: set[str] = set()
        self.keys: set[_KeyName] = set()
        self.quorum = ""

    def take(self, words: list[str], number: int) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._take_key("log", vkey, number)
                self.logs.append(vkey)
                _check_count("logs", len(self.logs), LOGS_MAX)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._check_name(name, number)
                self.witnesses[name] = self._take_key("witness", vkey, number)
                _check_count("witnesses", len(self.witnesses), WITNESSES_MAX)
            case ["group", name, threshold, *members] if members:
                self._check_name(name, number)
                self.groups[name] = self._take_group(threshold, members, number)
                _check_count("groups", len(self.groups), GROUPS_MAX)
            case ["quorum", name] if not self.quorum and (name == NO_QUORUM or self._is_defined(name)):
                self.quorum = name
            case _:
                raise PolicyRefused(f"line {number} of the policy is not understood")

    def policy(self) -> Policy:
        if not self.quorum:
            raise PolicyRefused(
                "the policy has no `quorum` line", hint="write `quorum none` to ask for nobody"
            )
        return Policy(
            logs=tuple(self.logs),
            witnesses=MappingProxyType({name: verifier.vkey for name, verifier in self.witnesses.items()}),
            groups=MappingProxyType(self.groups),
            quorum=self.quorum,
            _verifiers=MappingProxyType(self.witnesses),
        )

    def _take_key(self, role: str, text: str, number: int) -> _Verifier:
        try:
            verifier = _verifier_of(role, parse_vkey(text))
        except TelesphorError as error:
            reason = f"line {number} of the policy has no key of a {role}: {error.message}"
            raise PolicyRefused(reason, hint=error.hint) from error
        # The same key under another name is still the same key, and two keys under one name and key id
        # could not be told apart in a note.
        names: set[_KeyName] = {(role, verifier.vkey.public_key), (role, verifier.name, verifier.key_id)}
        if names & self.keys:
            raise PolicyRefused(f"line {number} of the policy repeats a key")
        self.keys |= names
        return verifier

    def _is_defined(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def _check_name(self, name: str, number: int) -> None:
        if name == NO_QUORUM or self._is_defined(name):
            raise PolicyRefused(f"line {number} of the policy defines a name again")

    def _take_group(self, threshold: str, members: list[str], number: int) -> Group:
        given = set(members)
        undefined = not all(map(self._is_defined, members))
        needed = _threshold(threshold, len(members))
        # INVARIANT: a name stands in one group at most, so nobody counts twice towards the quorum.
        if undefined or given & self.members or len(given) != len(members) or needed is None:
            raise PolicyRefused(f"line {number} of the policy does not define a group")
        self.members.update(members)
        return Group(needed, tuple(members))


def _verifier_of(role: str, vkey: Vkey) -> _Verifier:
    if vkey.signature_type == MLDSA44_TYPE:
        return CosignatureVerifier(vkey)
    if role == "log" and vkey.signature_type == ED25519_TYPE:
        return Ed25519Verifier(vkey)
    if role == "witness" and vkey.signature_type == COSIGNATURE_ED25519_TYPE:
        return TimedEd25519Verifier(vkey)
    raise VkeyRefused(f"the signature type `{vkey.signature_type}` is not one of a {role}")


def _threshold(text: str, members: int) -> int | None:
    """The number that `all`, `any` or a decimal stands for, or nothing when it cannot be met or is no rule."""
    if text in ("all", "any"):
        return members if text == "all" else 1
    # A bound on the digits, as a long number would take long to read.
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        return None
    return int(text) if 1 <= int(text) <= members else None


def _check_count(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise LimitExceeded(f"the policy has more than {limit} {what}")


def _shortfall(name: str, group: Group, met: set[str]) -> str:
    lacking = [member for member in group.members if member not in met]
    shown = ", ".join(f"`{_shown(member)}`" for member in lacking[:_NAMES_SHOWN_MAX])
    more = f" and {len(lacking) - _NAMES_SHOWN_MAX} more" if len(lacking) > _NAMES_SHOWN_MAX else ""
    has = len(group.members) - len(lacking)
    return f"`{_shown(name)}` has {has} of the {group.threshold} it needs and lacks {shown}{more}"


def _shown(name: str) -> str:
    """A name fit for a screen: policies may hold any octets in names, terminal controls among them."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
