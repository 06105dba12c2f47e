"""What decisions of access are told in a node: each source is the capability that knows.

Start at `open_sources`; `find_resource` is what grants are about, `under_rules` puts commands of capabilities that
stand below access under the organisation's rules.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final

from telesphor.capabilities.access.breakglass.standing import opened_for
from telesphor.capabilities.access.model import (
    Action,
    Ask,
    DeviceLink,
    PresentedFactor,
    Resource,
    ResourceKind,
    house_of,
)
from telesphor.capabilities.access.objects import find_object_resource
from telesphor.capabilities.access.service import authorise, permit_standing
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.access.subjects import subject_of
from telesphor.capabilities.access.tokens.capability import RECORDED as TOKENS
from telesphor.capabilities.access.tokens.policies import (
    datasets_holding,
    group_ids_of,
    policies_for,
    roles_of,
    steady_roles_of,
)
from telesphor.capabilities.access.tokens.refusals import MembersRefused
from telesphor.capabilities.contracts.model import ContractRow
from telesphor.capabilities.contracts.service import Action as ContractAction
from telesphor.capabilities.contracts.service import Permit
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.identity.enrolment.service import connection_of, find_enrolment
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.identity.passkeys.service import assurance_of
from telesphor.capabilities.identity.presentations.service import presented_factors
from telesphor.capabilities.identity.service import own_id
from telesphor.capabilities.messages.finding import find_thread_resource
from telesphor.capabilities.visits.service import find_visit_resource
from telesphor.kernel.clock import Clock
from telesphor.runtime.capability import Actor, Capability, CommandType, Decision, State
from telesphor.vault.model import Purpose

UNDER_RULES: Final = {
    "actor.register/1": Action.ADMINISTER,
    "actor.pause/1": Action.ADMINISTER,
    "actor.resume/1": Action.ADMINISTER,
    "issuer.trust/1": Action.ADMINISTER,
    "issuer.distrust/1": Action.ADMINISTER,
    "status-list.open/1": Action.ADMINISTER,
    "credential.issue/1": Action.ADMINISTER,
    "credential.reverify/1": Action.ADMINISTER,
    "credential.suspend/1": Action.ADMINISTER,
    "credential.reinstate/1": Action.ADMINISTER,
    "credential.revoke/1": Action.ADMINISTER,
    "credential.offer/1": Action.ADMINISTER,
    "maker.trust/1": Action.ADMINISTER,
    "maker.distrust/1": Action.ADMINISTER,
    "firmware.allow/1": Action.ADMINISTER,
    "firmware.withdraw/1": Action.ADMINISTER,
    "device.enrol/1": Action.ADMINISTER,
    "share.make/1": Action.ADMINISTER,
    "consent.set-text/1": Action.ADMINISTER,
    "document.forget/1": Action.ADMINISTER,
    "interchain.submit/1": Action.CREATE,
    "presentation.request/1": Action.CREATE,
    "device.connect/1": Action.CONNECT,
    "device.transfer-owner/1": Action.GRANT,
    "token.delegate/1": Action.GRANT,
    "token.transfer/1": Action.GRANT,
    "group.form/1": Action.GRANT,
    "group.add/1": Action.GRANT,
    "dataset.define/1": Action.GRANT,
    "dataset.extend/1": Action.GRANT,
    "invitation.make/1": Action.GRANT,
    "ledger.mirror/1": Action.READ_LOG,
}
"""Commands that give or use power without a thing to ask about, and the action on the node itself that is asked."""

BEYOND_RULES: Final = frozenset(
    {
        # Whoever acts, of their own keys and sign-in.
        "actor.rotate-key/1",
        "actor.retire/1",
        "actor.report-lost/1",
        "actor.set-recovery/1",
        "actor.begin-recovery/1",
        "actor.approve-recovery/1",
        "actor.cancel-recovery/1",
        "actor.recover/1",
        "passkey.challenge/1",
        "passkey.register/1",
        "passkey.sign-in/1",
        "passkey.remove/1",
        "session.open/1",
        # Of their own factors.
        "presentation.open/1",
        "presentation.present/1",
        "presentation.read/1",
        "presentation.withdraw/1",
        # What only ends or narrows what somebody may do, or accepts what was decided.
        "device.revoke/1",
        "invitation.accept/1",
        "invitation.withdraw/1",
        "token.accept/1",
        "token.revoke/1",
        "token.renounce/1",
        "group.remove/1",
        "group.disband/1",
        "dataset.dissolve/1",
        "thread.remove/1",
        "thread.leave/1",
        "message.recall/1",
        "message.read/1",
        "monitor.open/1",
        "monitor.judge/1",
        "audit.end/1",
        "break-glass.acknowledge/1",
        "break-glass.close/1",
        "break-glass.forbid/1",
        "break-glass.review/1",
        "visit.withdraw-consent/1",
        "visit.stop-recording/1",
        "visit.leave/1",
        # Looks at what is one's own.
        "break-glass.challenge/1",
        "break-glass.list/1",
        "device.challenge/1",
        "device.show/1",
        "group.show/1",
        "policy.show/1",
        "token.list/1",
        "token.show/1",
        "token.history/1",
        # What the organisation's rules come from: decided by the shipped base alone.
        "policy.set/1",
    }
)
"""Commands that no rule of the organisation can forbid, so that nobody is kept from protecting themselves.

Each has a check of its own on who may ask it."""

PURPOSES: Final = {"ledger.mirror/1": Purpose.OPERATIONS}
"""What for, where the rules that ship tell by it: a mirror reads entries by machine, and by that may not look at the
log as auditors do, who say no purpose."""

SIGNED_IN_MS: Final = 15 * 60 * 1000
"""How long a sign-in by passkey counts for decisions: as long as a read's ticket."""


def open_sources(clock: Clock) -> Sources:
    """The sources of a node that has every capability."""
    return Sources(
        policies_for=policies_for,
        groups_of=group_ids_of,
        roles_of=roles_of,
        steady_roles_of=steady_roles_of,
        datasets_of=datasets_holding,
        factors_of=_factors_of,
        assurance_of=partial(assurance_of, within_ms=SIGNED_IN_MS),
        connection_of=_link_of,
        broken_glass=partial(opened_for, find_resource=find_resource, clock=clock),
        subject_of=partial(subject_of, find_resource=find_resource),
        watched=tuple(one.store for one in (TOKENS, IDENTITY) if one.store is not None),
    )


def find_resource(state: State, kind: ResourceKind, id: str) -> Resource:
    """What a grant is about, as the capability that owns it knows it.

    Raises:
        ObjectMissing, VisitMissing, ThreadMissing, MembersRefused: there is none such.
    """
    if kind is ResourceKind.OBJECT:
        return find_object_resource(state, id)
    if kind is ResourceKind.VISIT:
        return find_visit_resource(state, id)
    if kind is ResourceKind.THREAD:
        return find_thread_resource(state, id)
    enrolment = find_enrolment(state.db, id) if kind is ResourceKind.DEVICE else None
    if enrolment is None:
        raise MembersRefused(f"there is no {kind} `{id}` that could be granted")
    return Resource(kind=kind, id=id, owner=enrolment.owner)


def permit_contract(
    actor: Actor, action: ContractAction, row: ContractRow, state: State, *, sources: Sources
) -> Permit:
    """Ask access about a contract: who deployed it owns it.

    Raises:
        AccessDenied: the rules do not allow it.
    """
    resource = Resource(kind=ResourceKind.CONTRACT, id=row.contract, owner=row.deployed_by)
    asked = Ask(action=Action(action), resource=resource)
    allowed = authorise(actor, asked, state, sources=sources)
    return Permit(allowed.drafts, allowed.documents)


def under_rules(capability: Capability, *, sources: Sources) -> Capability:
    """The same capability, whose commands in `UNDER_RULES` ask access before they are decided.

    What these commands demand of whoever asks still holds: the rules can only forbid.
    """
    commands = (
        replace(command, decide=partial(_decide_under_rules, command, sources))
        if command.name in UNDER_RULES
        else command
        for command in capability.commands
    )
    return replace(capability, commands=tuple(commands))


def _decide_under_rules(
    command: CommandType, sources: Sources, actor: Actor, body: Any, state: State
) -> Decision:
    house = house_of(own_id(state))
    ask = Ask(action=UNDER_RULES[command.name], resource=house, purpose=PURPOSES.get(command.name))
    # What a person does for the organisation is decided each time, so that the decision stands beside each act.
    acts_for_it = ask.action is Action.ADMINISTER and actor.kind == ActorKind.PERSON
    allowed = (authorise if acts_for_it else permit_standing)(actor, ask, state, sources=sources)
    decision = command.decide(actor, body, state)
    return decision._replace(
        drafts=(*decision.drafts, *allowed.drafts), documents=(*decision.documents, *allowed.documents)
    )


def _factors_of(state: State, actor: str) -> tuple[PresentedFactor, ...]:
    return tuple(
        PresentedFactor(
            group=shown.group,
            name=shown.name,
            value=shown.value,
            issuer=shown.issuer,
            verified_at=shown.verified_at,
            vouched=shown.vouched,
        )
        for shown in presented_factors(state, actor)
    )


def _link_of(state: State, device: str) -> DeviceLink | None:
    found = connection_of(state, device)
    if found is None:
        return None
    return DeviceLink(
        owner=found.owner,
        model=found.model,
        firmware=found.firmware,
        at_ms=found.at_ms,
        channel=found.channel or "",
    )
