"""The use cases of uses: note what was done, and read the log.

Reading the log asks access with the action `read-log`: about a person, on that person's log; about no person, on the
node's own. The look is an entry in the same batch as the answer, so it stands before anything is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from telesphor.capabilities.access import store as access_store
from telesphor.capabilities.access.breakglass import store as glass_store
from telesphor.capabilities.access.entries import AccessDecided
from telesphor.capabilities.access.model import (
    ACCESS_STREAM,
    Action,
    Allowed,
    Ask,
    Resource,
    ResourceKind,
    house_of,
)
from telesphor.capabilities.access.store import DecisionFilter, DecisionRow
from telesphor.capabilities.access.subjects import FindResource, subject_of
from telesphor.capabilities.access.tokens import store as token_store
from telesphor.capabilities.access.tokens.policies import roles_of
from telesphor.capabilities.access.uses import store
from telesphor.capabilities.access.uses.entries import LOG_READ, USE_NOTED, LogRead, PositionField, UseNoted
from telesphor.capabilities.access.uses.model import (
    ACTION_OF,
    LOG_STREAM,
    PAGE_ROWS_MAX,
    Done,
    FilterRefused,
    LogPage,
    LogRow,
    NoteRefused,
    RecipientKind,
)
from telesphor.capabilities.access.uses.words import Texts, rule_in_plain_words
from telesphor.capabilities.access.vocabulary import TOKEN_PREFIX
from telesphor.capabilities.identity.model import ActorIdField, InstantField
from telesphor.capabilities.identity.service import find_actor, node_of
from telesphor.kernel.clock import INSTANT_MS_MAX, parse_instant
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State
from telesphor.vault.model import Purpose

Authorise = Callable[[Actor, Ask, State], Allowed]


class NoteUse(Body, frozen=True, kw_only=True):
    """Say what one does with what one has read, before one does it; `recipient` is who has it then, if shared."""

    kind: Literal["object", "visit"]
    id: ActorIdField
    done: Done
    purpose: Purpose
    recipient: RecipientKind | None = None


class ReadLog(Body, frozen=True, kw_only=True):
    """Ask for a page of the log, the newest first, from below the position `before`.

    `subject` is whom it is about; `since` is the first instant of it, `until` the first behind it.
    """

    subject: ActorIdField | None = None
    object: ActorIdField | None = None
    visit: ActorIdField | None = None
    actor: ActorIdField | None = None
    since: InstantField | None = None
    until: InstantField | None = None
    before: PositionField = 2**53 - 1
    rows: PositionField = PAGE_ROWS_MAX


class _Scope(NamedTuple):
    """Whose log is read: a person's, or the node's, which is about everybody."""

    log: Resource
    stream_id: str
    subject: str | None


class UseDesk:
    """The use cases, which all ask access.

    Args:
        authorise: the rules of access.
        find_resource: what an object or a visit is, as the capability that owns it knows it.
    """

    def __init__(self, *, authorise: Authorise, find_resource: FindResource) -> None:
        self._authorise = authorise
        self._find_resource = find_resource

    def note_use(self, actor: Actor, command: NoteUse, state: State) -> Decision:
        """Note that the actor prints, exports or shares something; what is denied must not be done.

        Raises:
            NoteRefused: it is shared, and nobody has it; or what is asked for is not there.
            AccessDenied: the rules do not allow it.
        """
        if command.done is Done.SHARED and command.recipient is None:
            raise NoteRefused("who shares something says with whom", hint="give a `recipient`")
        resource = self._find_resource(state, ResourceKind(command.kind), command.id)
        ask = Ask(action=ACTION_OF[command.done], resource=resource, purpose=command.purpose)
        allowed = self._authorise(actor, ask, state)
        decided = allowed.drafts[0].body
        assert isinstance(decided, AccessDecided)
        body = UseNoted(
            decision=decided.decision,
            resource=resource.name,
            done=command.done,
            purpose=command.purpose,
            recipient=command.recipient,
        )
        draft = Draft(USE_NOTED.name, stream_of(ACCESS_STREAM, actor.id), body)
        return Decision((*allowed.drafts, draft), documents=allowed.documents)

    def read_log(self, actor: Actor, command: ReadLog, state: State) -> Decision:
        """Show a page of the log, and note that.

        Raises:
            FilterRefused, InvalidInstant: it asks for an object and a visit at once, or for no time.
            AccessDenied: the actor may not see this log; and what `find_resource` raises.
        """
        _check_filter(command)
        scope = self._scope(command, state)
        allowed = self._authorise(actor, Ask(action=Action.READ_LOG, resource=scope.log), state)
        rows_max = max(1, min(command.rows, PAGE_ROWS_MAX))
        found = access_store.decisions(
            state.db, _filter(command, scope), before=command.before, count_max=rows_max
        )
        page = LogPage(
            organisation=node_of(state.db)[1],
            rows=_rows(found, state),
            before=found[-1].position if len(found) == rows_max else None,
        )
        body = LogRead(
            object=command.object,
            visit=command.visit,
            actor=command.actor,
            since=command.since,
            until=command.until,
            before=command.before,
            count=len(found),
        )
        draft = Draft(LOG_READ.name, stream_of(LOG_STREAM, scope.stream_id), body)
        return Decision((*allowed.drafts, draft), page, documents=allowed.documents)

    def _scope(self, command: ReadLog, state: State) -> _Scope:
        """Whose log the filter is about: of a thing, that of whom it is about."""
        subject: str | None = command.subject
        named = command.object or command.visit
        if subject is None and named is not None:
            kind = ResourceKind.OBJECT if command.object else ResourceKind.VISIT
            resource = self._find_resource(state, kind, named)
            subject = subject_of(state, resource, find_resource=self._find_resource)
        if subject is None:
            node = node_of(state.db)[0]
            return _Scope(house_of(node), node, None)
        return _Scope(Resource(kind=ResourceKind.LOG, id=subject, subject=subject), subject, subject)


def _check_filter(command: ReadLog) -> None:
    if command.object is not None and command.visit is not None:
        raise FilterRefused("the filter names an object and a visit", hint="ask for one of them")
    begins_ms = 0 if command.since is None else parse_instant(command.since)
    ends_ms = INSTANT_MS_MAX + 1 if command.until is None else parse_instant(command.until)
    if ends_ms <= begins_ms:
        raise FilterRefused("the time ends before it begins")


def _filter(command: ReadLog, scope: _Scope) -> DecisionFilter:
    """INVARIANT: within a person's log no row is about somebody else, whatever else the filter names."""
    return DecisionFilter(
        subject=scope.subject,
        resource=None if command.object is None else f"object/{command.object}",
        visit=command.visit,
        actor=command.actor,
        since=command.since,
        until=command.until,
        # Of a thing, also what was decided before anybody knew whom it is about.
        unknown_subject=command.subject is None and scope.subject is not None,
    )


def _rows(found: Sequence[DecisionRow], state: State) -> tuple[LogRow, ...]:
    uses = store.uses_of(state.db, [row.decision for row in found])
    people = {actor: _person(actor, state) for actor in {row.actor for row in found}}
    grantors = _grantors(found, state)
    shipped = all(row.slot != "base" for row in access_store.policies_in_force(state.db))
    emergencies = {row.break_glass: _reason(row.break_glass, state) for row in found if row.break_glass}
    rows = []
    for row in found:
        kind, roles = people[row.actor]
        texts = Texts(grantors, emergencies.get(row.break_glass or "", ""), shipped)
        done, recipient = uses.get(row.decision, ("", ""))
        rows.append(
            LogRow(
                position=row.position,
                at=row.at,
                actor=row.actor,
                kind=kind,
                roles=roles,
                action=row.action,
                resource=row.resource,
                subject=row.subject,
                purpose=row.purpose,
                outcome=row.outcome,
                rule=rule_in_plain_words(row.reasons, texts, outcome=row.outcome),
                reasons=row.reasons,
                break_glass=row.break_glass,
                done=done,
                recipient=recipient,
            )
        )
    return tuple(rows)


def _person(actor_id: str, state: State) -> tuple[str, tuple[str, ...]]:
    info = find_actor(state.db, actor_id)
    return "unknown" if info is None else str(info.kind), roles_of(state, actor_id)


def _grantors(found: Sequence[DecisionRow], state: State) -> dict[str, str]:
    named = {reason for row in found for reason in row.reasons if reason.startswith(TOKEN_PREFIX)}
    tokens = (token_store.find_token(state.db, name.removeprefix(TOKEN_PREFIX)) for name in named)
    return {token.token: token.grantor for token in tokens if token is not None}


def _reason(glass: str, state: State) -> str:
    row = glass_store.find_glass(state.db, glass)
    return "" if row is None else row.reason
