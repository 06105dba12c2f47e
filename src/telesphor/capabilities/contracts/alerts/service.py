"""The use cases of alerts: raise one as a contract's effect, acknowledge one, list those of a contract.

Who may acknowledge and list is decided by the rules of access about the contract: `change` and `read` of it. The
shipped rules let the organisation that deployed it do both; staff get there by a policy of the organisation, such as
one for a role.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from telesphor.capabilities.access.model import ACCESS_STREAM, Action, Allowed, Ask, Resource, ResourceKind
from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.contracts import store as contracts
from telesphor.capabilities.contracts.alerts import store
from telesphor.capabilities.contracts.alerts.entries import (
    ALERT_ACKNOWLEDGED,
    ALERT_RAISED,
    ALERTS_LISTED,
    AlertAcknowledgedBody,
    AlertRaised,
    AlertsListed,
)
from telesphor.capabilities.contracts.alerts.model import (
    ALERTS_STREAM,
    PAGE_ROWS_MAX,
    AboutField,
    AfterField,
    AlertAcknowledged,
    AlertIdField,
    AlertLevel,
    AlertMissing,
    AlertRow,
    CodeField,
)
from telesphor.capabilities.contracts.model import ContractIdField, ContractMissing
from telesphor.capabilities.identity.model import ActorKind, require_kind
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

AskAccess = Callable[[Actor, Ask, State], Allowed]
"""The rules of access, with all their sources."""


class RaiseAlert(Body, frozen=True, kw_only=True):
    """Raise an alert. `contract` is filled in by the node: it is the one that asked."""

    contract: ContractIdField
    level: AlertLevel
    code: CodeField
    about: AboutField = ()


class AcknowledgeAlert(Body, frozen=True, kw_only=True):
    """Look after an alert."""

    alert: AlertIdField


class ListAlerts(Body, frozen=True, kw_only=True):
    """Ask for a page of a contract's alerts, from behind the id `after`."""

    contract: ContractIdField
    which: Literal["open", "all"] = "open"
    after: AfterField = ""


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `alert.list/1`; `after` asks for the next page, and is empty on the last."""

    alerts: tuple[AlertRow, ...]
    after: str


def raise_alert(actor: Actor, command: RaiseAlert, state: State) -> Decision:
    """Raise an alert under a fresh id; only the node does, for a contract. Raises `NotPermitted`."""
    require_kind(actor, ActorKind.NODE)
    body = AlertRaised(contract=command.contract, level=command.level, code=command.code, about=command.about)
    return Decision((Draft(ALERT_RAISED.name, stream_of(ALERTS_STREAM, state.new_id()), body),))


def acknowledge_alert(
    actor: Actor, command: AcknowledgeAlert, state: State, *, ask: AskAccess = authorise
) -> Decision:
    """Say that one looks after an alert.

    Raises:
        NotPermitted, AccessDenied: the actor may not.
        AlertMissing, AlertAcknowledged: there is nothing to acknowledge.
    """
    require_kind(actor, ActorKind.PERSON, ActorKind.ORGANISATION)
    row = store.find_alert(state.db, command.alert)
    if row is None:
        raise AlertMissing(f"there is no alert `{command.alert}`")
    allowed = ask(actor, Ask(action=Action.CHANGE, resource=_resource(row.contract, state)), state)
    if row.acknowledged_by is not None:
        raise AlertAcknowledged(f"the alert `{command.alert}` is acknowledged already")
    stream = stream_of(ALERTS_STREAM, command.alert)
    draft = Draft(ALERT_ACKNOWLEDGED.name, stream, AlertAcknowledgedBody())
    return Decision((*allowed.drafts, draft), documents=allowed.documents)


def list_alerts(actor: Actor, command: ListAlerts, state: State, *, ask: AskAccess = authorise) -> Decision:
    """Show a page of a contract's alerts, and note it; raises `AccessDenied`, `ContractMissing`."""
    allowed = ask(actor, Ask(action=Action.READ, resource=_resource(command.contract, state)), state)
    rows = store.alerts_of(
        state.db, command.contract, which=command.which, after=command.after, limit=PAGE_ROWS_MAX
    )
    page = AlertPage(alerts=tuple(rows), after=rows[-1].alert if len(rows) == PAGE_ROWS_MAX else "")
    body = AlertsListed(contract=command.contract, which=command.which, count=len(rows))
    draft = Draft(ALERTS_LISTED.name, stream_of(ACCESS_STREAM, actor.id), body)
    return Decision((*allowed.drafts, draft), page, documents=allowed.documents)


def _resource(contract: str, state: State) -> Resource:
    row = contracts.find_contract(state.db, contract)
    if row is None:
        raise ContractMissing(f"no contract `{contract}` was deployed")
    return Resource(kind=ResourceKind.CONTRACT, id=contract, owner=row.deployed_by)
