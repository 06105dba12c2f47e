"""The use cases of contracts that somebody asks for: deploy, upgrade, pause, resume, retire, call.

Running is not among them: a call is noted here, and `desk.ContractDesk` runs it once the note is durable. Each
decision asks an `Authorise` first, which the composition root gives; `permit_by_kind` is the least of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import apsw
import msgspec
from msgspec import Meta

from telesphor.capabilities.contracts import store
from telesphor.capabilities.contracts.documents import open_input, seal_input
from telesphor.capabilities.contracts.effects.model import EFFECT_COMMANDS
from telesphor.capabilities.contracts.entries import (
    CONTRACT_CALLED,
    CONTRACT_DEPLOYED,
    CONTRACT_PAUSED,
    CONTRACT_RESUMED,
    CONTRACT_RETIRED,
    CONTRACT_UPGRADED,
    ContractCalled,
    ContractDeployed,
    ContractPaused,
    ContractResumed,
    ContractRetired,
    ContractUpgraded,
)
from telesphor.capabilities.contracts.host import parse_json
from telesphor.capabilities.contracts.language import check_source
from telesphor.capabilities.contracts.manifest import Manifest, check_fields, parse_manifest, value_at
from telesphor.capabilities.contracts.model import (
    ARGUMENT_BYTES_MAX,
    CONTRACT_STREAM,
    MANIFEST_BYTES_MAX,
    SOURCE_BYTES_MAX,
    CallExists,
    CallIdField,
    CallRefused,
    ContractExists,
    ContractIdField,
    ContractMissing,
    ContractResting,
    ContractRow,
    DocumentForgotten,
    ManifestRefused,
    NameField,
    VersionRefused,
)
from telesphor.capabilities.identity.invitations.service import lineage_of
from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

SOURCES_REMEMBERED = 64
"""Sources that were read already: the writer finds them ready."""

CONTRACTS_SHOWN_MAX = 500
"""More than an organisation has."""

Action = Literal["administer", "run-contract"]


class Permit(NamedTuple):
    """What a permission leaves behind: entries and documents that say so."""

    drafts: tuple[Draft, ...] = ()
    documents: tuple[bytes, ...] = ()


Authorise = Callable[[Actor, Action, ContractRow, State], Permit]
"""Whether an actor may do this with a contract; raises when it may not."""


class DeployContract(Body, frozen=True, kw_only=True):
    """Deploy a contract under a fresh id. `manifest` is canonical JSON, `source` is Starlark."""

    contract: ContractIdField
    manifest: Annotated[str, Meta(max_length=MANIFEST_BYTES_MAX)]
    source: Annotated[str, Meta(max_length=SOURCE_BYTES_MAX)]


class UpgradeContract(DeployContract, frozen=True, kw_only=True):
    """Replace manifest and source of a contract by those of a higher version; its state stays."""


class PauseContract(Body, frozen=True, kw_only=True):
    """Let a contract rest; `reason` is a word of the organisation's own."""

    contract: ContractIdField
    reason: NameField


class ResumeContract(Body, frozen=True, kw_only=True):
    """Let a paused contract run again."""

    contract: ContractIdField


class RetireContract(Body, frozen=True, kw_only=True):
    """End a contract for good."""

    contract: ContractIdField
    reason: NameField


class CallContract(Body, frozen=True, kw_only=True):
    """Call a contract, under a fresh id. `argument` is the JSON text of an object."""

    contract: ContractIdField
    call: CallIdField
    name: NameField
    argument: Annotated[str, Meta(max_length=ARGUMENT_BYTES_MAX)] = "{}"


def permit_by_kind(actor: Actor, action: Action, _contract: ContractRow, _state: State) -> Permit:
    """Organisations and the node administer; who may call stands in the manifest. Raises `NotPermitted`."""
    if action == "administer":
        require_kind(actor, ActorKind.ORGANISATION, ActorKind.NODE)
    return Permit()


def read_offer(manifest: str, source: str) -> Manifest:
    """What a command offers to deploy, read before the writer sees it.

    Raises:
        ManifestRefused, SourceRefused.
    """
    return _read_offer(manifest, source)


def living_contract(state: State, contract: str) -> ContractRow:
    """A contract that is not retired.

    Raises:
        ContractMissing, ContractResting: there is none, or it is retired.
    """
    row = store.find_contract(state.db, contract)
    if row is None:
        raise ContractMissing(f"no contract `{contract}` was deployed")
    if row.state == "retired":
        raise ContractResting(f"the contract `{row.name}` is retired")
    return row


def list_contracts(db: apsw.Connection) -> list[ContractRow]:
    """The contracts of a node, retired ones too, oldest first."""
    return store.contracts(db, limit=CONTRACTS_SHOWN_MAX)


def manifest_of(state: State, row: ContractRow) -> Manifest:
    """The manifest that a contract runs by; raises `DocumentForgotten`."""
    data = state.document(row.manifest)
    if data is None:
        raise DocumentForgotten(f"the manifest of `{row.name}` is not kept any more")
    return parse_manifest(data)


class Contracts:
    """The decisions, with whom they ask.

    Args:
        authorise: see `Authorise`.
    """

    def __init__(self, authorise: Authorise = permit_by_kind) -> None:
        self._authorise = authorise

    def deploy_contract(self, actor: Actor, command: DeployContract, state: State) -> Decision:
        """Deploy a contract.

        Raises:
            NotPermitted, ContractExists, ManifestRefused, SourceRefused.
        """
        manifest = read_offer(command.manifest, command.source)
        documents = (command.manifest.encode(), command.source.encode())
        digests = [digest_of(data) for data in documents]
        row = ContractRow(
            command.contract, manifest.name, manifest.version, "deployed", digests[0], digests[1], actor.id
        )
        permit = self._authorise(actor, "administer", row, state)
        if store.find_contract(state.db, command.contract) is not None:
            raise ContractExists(f"the id `{command.contract}` is of another contract", hint="make a new id")
        if store.name_used(state.db, manifest.name):
            raise ContractExists(
                f"a contract is called `{manifest.name}` already", hint="upgrade it, or retire it first"
            )
        body = ContractDeployed(name=row.name, version=row.version, manifest=row.manifest, source=row.source)
        return _decide(permit, CONTRACT_DEPLOYED.name, row, body, documents=documents)

    def upgrade_contract(self, actor: Actor, command: UpgradeContract, state: State) -> Decision:
        """Replace a contract by a higher version of itself.

        Raises:
            NotPermitted, ContractMissing, ContractResting, VersionRefused, ManifestRefused, SourceRefused.
        """
        manifest = read_offer(command.manifest, command.source)
        row = living_contract(state, command.contract)
        permit = self._authorise(actor, "administer", row, state)
        _check_successor(row, manifest, manifest_of(state, row))
        documents = (command.manifest.encode(), command.source.encode())
        body = ContractUpgraded(
            version=manifest.version, manifest=digest_of(documents[0]), source=digest_of(documents[1])
        )
        return _decide(permit, CONTRACT_UPGRADED.name, row, body, documents=documents)

    def pause_contract(self, actor: Actor, command: PauseContract, state: State) -> Decision:
        """Let a contract rest; raises `NotPermitted`, `ContractMissing`, `ContractResting`."""
        row = living_contract(state, command.contract)
        permit = self._authorise(actor, "administer", row, state)
        if row.state == "paused":
            raise ContractResting(f"the contract `{row.name}` is paused already")
        return _decide(permit, CONTRACT_PAUSED.name, row, ContractPaused(reason=command.reason))

    def resume_contract(self, actor: Actor, command: ResumeContract, state: State) -> Decision:
        """Let a paused contract run again; raises `NotPermitted`, `ContractMissing`, `ContractResting`."""
        row = living_contract(state, command.contract)
        permit = self._authorise(actor, "administer", row, state)
        if row.state != "paused":
            raise ContractResting(f"the contract `{row.name}` is not paused")
        return _decide(permit, CONTRACT_RESUMED.name, row, ContractResumed())

    def retire_contract(self, actor: Actor, command: RetireContract, state: State) -> Decision:
        """End a contract for good; raises `NotPermitted`, `ContractMissing`, `ContractResting`."""
        row = living_contract(state, command.contract)
        permit = self._authorise(actor, "administer", row, state)
        return _decide(permit, CONTRACT_RETIRED.name, row, ContractRetired(reason=command.reason))

    def note_call(self, actor: Actor, command: CallContract, state: State) -> tuple[Decision, ContractRow]:
        """Note a call, with its argument in a document; whoever runs it finds both there.

        Asked again by the same actor in the same words it is noted again and answered, and never run twice.

        Raises:
            NotPermitted, ContractMissing, ContractResting, CallExists, CallRefused, LineageTooLong.
        """
        row = living_contract(state, command.contract)
        permit = self._authorise(actor, "run-contract", row, state)
        if row.state == "paused":
            raise ContractResting(
                f"the contract `{row.name}` is paused", hint="call again when it is resumed"
            )
        argument = _read_argument(actor, command, manifest_of(state, row))
        noted = store.find_call(state.db, command.call)
        if noted is not None:
            _check_again(actor, command, argument, noted, state)
            body = ContractCalled(call=command.call, name=command.name, input=noted.input)
            return _decide(permit, CONTRACT_CALLED.name, row, body), row
        called: dict[str, object] = {
            "id": command.call,
            "name": command.name,
            "argument": argument,
            "actor": actor.id,
            "actor_kind": str(actor.kind),
            "invited_by": list(lineage_of(state, actor.id)),
        }
        trigger: dict[str, object] = {"kind": "call", "at": format_instant(state.now_ms), "call": called}
        sealed = seal_input("call", trigger, salt=state.new_nonce())
        body = ContractCalled(call=command.call, name=command.name, input=sealed.digest)
        return _decide(permit, CONTRACT_CALLED.name, row, body, documents=(sealed.data,)), row


def _decide(
    permit: Permit, kind: str, row: ContractRow, body: Body, *, documents: tuple[bytes, ...] = ()
) -> Decision:
    draft = Draft(kind, stream_of(CONTRACT_STREAM, row.contract), body)
    return Decision((*permit.drafts, draft), documents=(*permit.documents, *documents))


def _check_successor(row: ContractRow, manifest: Manifest, before: Manifest) -> None:
    if manifest.name != row.name:
        raise VersionRefused(f"the manifest is of `{manifest.name}`, not of `{row.name}`")
    if manifest.version <= row.version:
        raise VersionRefused(f"version `{manifest.version}` does not follow version `{row.version}`")
    if (manifest.ordering, manifest.key) != (before.ordering, before.key):
        raise VersionRefused(
            "an upgrade orders its runs as before, because its states are kept so",
            hint="deploy a new contract instead",
        )


def _check_again(
    actor: Actor, command: CallContract, argument: object, noted: store.CallRow, state: State
) -> None:
    """Refuse an id that was used before, except by the same actor in the same words."""
    data = state.document(noted.input)
    if data is None:
        raise DocumentForgotten("what this call was about is not kept any more")
    said = value_at(msgspec.json.decode(open_input(data).trigger), "call.argument")
    if (actor.id, command.contract, command.name, argument) != (
        noted.actor,
        noted.contract,
        noted.name,
        said,
    ):
        raise CallExists(f"the id `{command.call}` was used for a call before", hint="make a new id")


def _read_argument(actor: Actor, command: CallContract, manifest: Manifest) -> object:
    rule = manifest.call(command.name)
    if actor.kind not in rule.callers:
        raise NotPermitted(f"an actor of kind `{actor.kind}` may not call `{command.name}`")
    try:
        argument = parse_json(command.argument)
    except ValueError as error:
        raise CallRefused(
            "the argument is not JSON of the kind that contracts take", hint=str(error)
        ) from error
    check_fields(argument, rule.argument, what="argument")
    return argument


@lru_cache(maxsize=SOURCES_REMEMBERED)
def _read_offer(manifest: str, source: str) -> Manifest:
    if len(manifest) > MANIFEST_BYTES_MAX:
        raise LimitExceeded("the manifest is too large")
    found = parse_manifest(manifest.encode("utf-8", "surrogatepass"))
    for command in found.commands:
        if command not in EFFECT_COMMANDS:
            raise ManifestRefused(
                f"the node gives no command `{command}` for a contract",
                hint=f"it gives `{'`, `'.join(sorted(EFFECT_COMMANDS))}`",
            )
    check_source(source)
    return found
