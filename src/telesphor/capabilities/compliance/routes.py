"""HTTP of compliance: the pages of auditors, of a person about itself, and of whoever administers.

All take a session; all but blocks, words and one's own grants take the id of a watch besides, which a signed command
opened. Start at `routes`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter

from telesphor.capabilities.compliance.administration.contracts import (
    ConnectorsPage,
    ContractPage,
    ContractPages,
    ContractsPage,
)
from telesphor.capabilities.compliance.administration.health import Health, HealthPages
from telesphor.capabilities.compliance.administration.people import (
    DevicesPage,
    InvitationsPage,
    PeoplePage,
    PeoplePages,
    RolesPage,
)
from telesphor.capabilities.compliance.administration.policies import (
    PoliciesPage,
    PolicyCheck,
    PolicyDraft,
    PolicyPages,
)
from telesphor.capabilities.compliance.blocks import BLOCKS_MAX, BLOCKS_SHOWN, Blocks, LedgerBlocks
from telesphor.capabilities.compliance.deciding import Decisions, DecisionView, EntryView, ReplayView
from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.exporting import ExportDesk, ExportMade, ExportWish
from telesphor.capabilities.compliance.factors import FactorPages, OwnFactors
from telesphor.capabilities.compliance.findings import FindingPages, FindingsPage
from telesphor.capabilities.compliance.mine import MyTokens, OwnPages, SeenPage
from telesphor.capabilities.compliance.model import PAGE_ROWS, PAGE_ROWS_MAX
from telesphor.capabilities.compliance.records import ITEMS_MAX, OwnDevices, RecordPage, RecordPages, What
from telesphor.capabilities.compliance.searching import Activity, Page, Searches, Words
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Sessions

TAGS_AUDIT = ["audit"]
TAGS_OWN = ["own record"]
TAGS_ADMIN = ["administration"]

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
_WORD = r"^[a-z][a-z-]*$"

_WatchId = Annotated[str, QueryParameter(pattern=f"^{_ID}$", description="A watch of one's own")]
_ActorId = Annotated[str | None, QueryParameter(pattern=f"^{_ID}$")]
_AnyId = Annotated[str | None, QueryParameter(pattern=f"^{_ID}$")]
_Type = Annotated[str | None, QueryParameter(pattern=r"^[a-z][a-z0-9.-]*/[1-9][0-9]*$", max_length=64)]
_Word = Annotated[str | None, QueryParameter(pattern=_WORD, max_length=32)]
_Instant = Annotated[str | None, QueryParameter(pattern=f"^{_INSTANT}$")]
_Position = Annotated[int | None, QueryParameter(ge=0, le=2**53 - 1)]
_Rows = Annotated[int, QueryParameter(ge=1, le=PAGE_ROWS_MAX)]
_Count = Annotated[int, QueryParameter(ge=1, le=BLOCKS_MAX)]
_After = Annotated[str, QueryParameter(pattern=f"^(|{_ID})$")]
_Which = Annotated[Literal["granted", "held", "offered", "about"], QueryParameter()]
_Kind = Annotated[str | None, QueryParameter(pattern=_WORD, max_length=32)]
_At = Annotated[int, PathParameter(ge=0, le=2**53 - 1)]

BUNDLE_MEDIA_TYPE = "application/zip"


@dataclass(frozen=True, slots=True)
class Pages:
    """All pages of one node."""

    searches: Searches
    decisions: Decisions
    blocks: LedgerBlocks
    exports: ExportDesk
    own: OwnPages
    findings: FindingPages
    records: RecordPages
    factors: FactorPages
    people: PeoplePages
    policies: PolicyPages
    contracts: ContractPages
    health: HealthPages


def routes(pages: Pages, sessions: Sessions) -> list[Any]:
    """The handlers of one node's pages."""
    needed = needs_session(sessions)
    return [
        *_search_routes(pages, needed),
        *_finding_routes(pages, needed),
        *_entry_routes(pages, needed),
        *_export_routes(pages, needed),
        *_own_routes(pages, needed),
        *_record_routes(pages, needed),
        *_factor_routes(pages, needed),
        *_people_routes(pages, needed),
        *_policy_routes(pages, needed),
        *_contract_routes(pages, needed),
    ]


def _search_routes(pages: Pages, needed: Any) -> list[Any]:
    @get("/v1/app/audit/search", dependencies=needed, tags=TAGS_AUDIT, summary="Entries, the newest first")
    async def search(
        session: CurrentSession,
        watch: _WatchId,
        person: _ActorId = None,
        subject: _ActorId = None,
        visit: _AnyId = None,
        type: _Type = None,
        action: _Word = None,
        purpose: _Word = None,
        outcome: _Word = None,
        since: _Instant = None,
        until: _Instant = None,
        before: _Position = None,
        rows: _Rows = PAGE_ROWS,
    ) -> Page:
        """By who acted (`person`), about whom (`subject`), and the rest; `since` is in, `until` is not."""
        filter = Filter(
            person=person,  # type: ignore[arg-type]
            subject=subject,  # type: ignore[arg-type]
            visit=visit,
            type=type,
            action=action,
            purpose=purpose,
            outcome=outcome,
            since=since,
            until=until,
            before=before,
        )
        return await asyncio.to_thread(pages.searches.search, session.actor, watch, filter, rows=rows)

    @get("/v1/app/audit/activity", dependencies=needed, tags=TAGS_AUDIT, summary="How much happened, by hour")
    async def activity(
        session: CurrentSession, watch: _WatchId, since: _Instant = None, until: _Instant = None
    ) -> Activity:
        """The last day where no time is given; at most 31 days."""
        return await asyncio.to_thread(
            pages.searches.activity, session.actor, watch, since=since, until=until
        )

    @get("/v1/app/audit/words", dependencies=needed, tags=TAGS_AUDIT, summary="What can be searched for")
    async def words(session: CurrentSession) -> Words:
        """Types that occur, commonest first, and fixed words."""
        return await asyncio.to_thread(pages.searches.words)

    @get("/v1/app/audit/blocks", dependencies=needed, tags=TAGS_AUDIT, summary="The newest blocks")
    async def blocks(session: CurrentSession, count: _Count = BLOCKS_SHOWN) -> Blocks:
        """With their level, as a verifier would judge it."""
        return await asyncio.to_thread(pages.blocks.newest, count)

    return [search, activity, words, blocks]


def _finding_routes(pages: Pages, needed: Any) -> list[Any]:
    @get(
        "/v1/app/audit/findings",
        dependencies=needed,
        tags=TAGS_AUDIT,
        summary="What the compliance monitor found, the newest first",
    )
    async def findings(
        session: CurrentSession, watch: _WatchId, before: _Position = None, rows: _Rows = PAGE_ROWS
    ) -> FindingsPage:
        """By codes of its rules, under a watch on the whole log."""
        return await asyncio.to_thread(
            pages.findings.findings, session.actor, watch, before=before, rows=rows
        )

    return [findings]


def _entry_routes(pages: Pages, needed: Any) -> list[Any]:
    @get(
        "/v1/app/audit/entries/{position:int}",
        dependencies=needed,
        tags=TAGS_AUDIT,
        summary="One entry whole",
    )
    async def show_entry(session: CurrentSession, position: _At, watch: _WatchId) -> EntryView:
        """As it stands on the ledger, with the block that holds it."""
        return await asyncio.to_thread(pages.decisions.show_entry, session.actor, watch, position)

    @get(
        "/v1/app/audit/decisions/{position:int}",
        dependencies=needed,
        tags=TAGS_AUDIT,
        summary="One decision: its rule and its inputs",
    )
    async def show_decision(session: CurrentSession, position: _At, watch: _WatchId) -> DecisionView:
        """Inputs are shown under a watch on the whole log alone."""
        return await asyncio.to_thread(pages.decisions.show_decision, session.actor, watch, position)

    @get(
        "/v1/app/audit/decisions/{position:int}/replay",
        dependencies=needed,
        tags=TAGS_AUDIT,
        summary="Decide again from what was recorded, and compare",
    )
    async def replay_decision(session: CurrentSession, position: _At, watch: _WatchId) -> ReplayView:
        """One that cannot be decided again says why in `fault`."""
        return await asyncio.to_thread(pages.decisions.replay, session.actor, watch, position)

    return [show_entry, show_decision, replay_decision]


def _export_routes(pages: Pages, needed: Any) -> list[Any]:
    @post(
        "/v1/app/audit/exports",
        status_code=201,
        dependencies=needed,
        tags=TAGS_AUDIT,
        summary="Make a bundle of chosen entries",
    )
    async def make_export(session: CurrentSession, data: JSONBody[ExportWish]) -> ExportMade:
        """Sign the command of the answer, and then take the file, within five minutes."""
        return await asyncio.to_thread(pages.exports.make, session.actor, data)

    @get(
        "/v1/app/audit/exports/{share:str}",
        dependencies=needed,
        tags=TAGS_AUDIT,
        media_type=BUNDLE_MEDIA_TYPE,
        summary="Take a bundle that one has signed for",
    )
    async def take_export(session: CurrentSession, share: FromPath[str]) -> Response[bytes]:
        """`telesphor verify` checks it offline."""
        bundle = pages.exports.take(session.actor, share)
        headers = {"content-disposition": 'attachment; filename="entries.zip"'}
        return Response(bundle, media_type=BUNDLE_MEDIA_TYPE, headers=headers)

    return [make_export, take_export]


def _own_routes(pages: Pages, needed: Any) -> list[Any]:
    @get("/v1/app/my/log", dependencies=needed, tags=TAGS_OWN, summary="Who saw my record, and why")
    async def my_log(
        session: CurrentSession,
        watch: _WatchId,
        since: _Instant = None,
        until: _Instant = None,
        before: _Position = None,
        rows: _Rows = PAGE_ROWS,
    ) -> SeenPage:
        """Under a watch of scope `log` with a `subject`; the newest first."""
        filter = Filter(since=since, until=until, before=before)
        return await asyncio.to_thread(pages.own.log, session.actor, watch, filter, rows=rows)

    @get(
        "/v1/app/my/tokens", dependencies=needed, tags=TAGS_OWN, summary="What I granted, hold, or am offered"
    )
    async def my_tokens(session: CurrentSession, which: _Which, after: _After = "") -> MyTokens:
        """By id; `after` goes on. `about`: what others granted on what is about me, all on one page."""
        if which == "about":
            return await asyncio.to_thread(pages.records.tokens_about, session.actor)
        return await asyncio.to_thread(pages.own.tokens, session.actor, which=which, after=after)

    return [my_log, my_tokens]


def _record_routes(pages: Pages, needed: Any) -> list[Any]:
    @get(
        "/v1/app/records/{person:str}",
        dependencies=needed,
        tags=TAGS_OWN,
        summary="A person's record, listed",
    )
    async def record(
        session: CurrentSession,
        person: Annotated[str, PathParameter(pattern=f"^{_ID}$")],
        what: Annotated[What, QueryParameter()] = "all",
        visit: _AnyId = None,
        before: _AnyId = None,
        rows: Annotated[int, QueryParameter(ge=1, le=ITEMS_MAX)] = PAGE_ROWS,
    ) -> RecordPage:
        """Of oneself everything; of somebody else what one may read now. Nothing is opened by it."""
        return await asyncio.to_thread(
            pages.records.record,
            session.actor,
            person,
            what=what,
            visit=visit,
            before=before,
            rows=rows,
        )

    @get("/v1/app/my/devices", dependencies=needed, tags=TAGS_OWN, summary="The devices that I hold")
    async def my_devices(session: CurrentSession) -> OwnDevices:
        """By a living token on each."""
        return await asyncio.to_thread(pages.records.devices, session.actor)

    return [record, my_devices]


def _factor_routes(pages: Pages, needed: Any) -> list[Any]:
    @get(
        "/v1/app/my/factors",
        dependencies=needed,
        tags=TAGS_OWN,
        summary="What was issued to me, and who asks",
    )
    async def my_factors(session: CurrentSession) -> OwnFactors:
        """No factor is here: those are in one's own wallet."""
        return await asyncio.to_thread(pages.factors.factors, session.actor)

    @post(
        "/v1/app/my/factors/{credential:str}/offer",
        status_code=200,
        dependencies=needed,
        tags=TAGS_OWN,
        summary="The offer of a credential that waits for me",
    )
    async def my_offer(
        session: CurrentSession, credential: Annotated[str, PathParameter(pattern=f"^{_ID}$")]
    ) -> Response[dict[str, Any]]:
        """With a fresh code; the credential itself takes a proof of both keys, as for every wallet (OpenID4VCI)."""
        offer = await asyncio.to_thread(pages.factors.offer, session.actor, credential)
        return Response(dict(offer), headers={"cache-control": "no-store"})

    return [my_factors, my_offer]


def _people_routes(pages: Pages, needed: Any) -> list[Any]:
    @get("/v1/app/admin/people", dependencies=needed, tags=TAGS_ADMIN, summary="All who are registered")
    async def people(
        session: CurrentSession,
        watch: _WatchId,
        kind: _Kind = None,
        after: _After = "",
        rows: _Rows = PAGE_ROWS,
    ) -> PeoplePage:
        """By id; `after` goes on."""
        return await asyncio.to_thread(
            pages.people.people, session.actor, watch, kind=kind, after=after, rows=rows
        )

    @get("/v1/app/admin/roles", dependencies=needed, tags=TAGS_ADMIN, summary="All roles, and who has them")
    async def roles(session: CurrentSession, watch: _WatchId) -> RolesPage:
        """As of now, by groups or by tokens."""
        return await asyncio.to_thread(pages.people.roles, session.actor, watch)

    @get("/v1/app/admin/invitations", dependencies=needed, tags=TAGS_ADMIN, summary="Links that are out")
    async def invitations(
        session: CurrentSession, watch: _WatchId, after: _After = "", rows: _Rows = PAGE_ROWS
    ) -> InvitationsPage:
        """Those that lead into no visit, by id; `after` goes on."""
        return await asyncio.to_thread(pages.people.invitations, session.actor, watch, after=after, rows=rows)

    @get("/v1/app/admin/devices", dependencies=needed, tags=TAGS_ADMIN, summary="All devices")
    async def devices(
        session: CurrentSession, watch: _WatchId, after: _After = "", rows: _Rows = PAGE_ROWS
    ) -> DevicesPage:
        """By id; `after` goes on."""
        return await asyncio.to_thread(pages.people.devices, session.actor, watch, after=after, rows=rows)

    @get("/v1/app/admin/health", dependencies=needed, tags=TAGS_ADMIN, summary="How the node does")
    async def health(session: CurrentSession, watch: _WatchId) -> Health:
        """Counts, ages, sizes."""
        return await asyncio.to_thread(pages.health.health, session.actor, watch)

    return [people, roles, invitations, devices, health]


def _policy_routes(pages: Pages, needed: Any) -> list[Any]:
    @get("/v1/app/admin/policies", dependencies=needed, tags=TAGS_ADMIN, summary="The policies in force")
    async def policies(session: CurrentSession, watch: _WatchId) -> PoliciesPage:
        """The base first, then each organisation's rules."""
        return await asyncio.to_thread(pages.policies.policies, session.actor, watch)

    @post(
        "/v1/app/admin/policies/check",
        status_code=200,
        dependencies=needed,
        tags=TAGS_ADMIN,
        summary="Check policies while they are written",
    )
    async def check_policies(session: CurrentSession, data: JSONBody[PolicyDraft]) -> PolicyCheck:
        """Sets nothing: that is `policy.set/1`, signed."""
        return await asyncio.to_thread(pages.policies.check, session.actor, data)

    return [policies, check_policies]


def _contract_routes(pages: Pages, needed: Any) -> list[Any]:
    @get(
        "/v1/app/admin/contracts",
        dependencies=needed,
        tags=TAGS_ADMIN,
        summary="All contracts, and how they do",
    )
    async def contracts(session: CurrentSession, watch: _WatchId) -> ContractsPage:
        """Retired ones too, oldest first."""
        return await asyncio.to_thread(pages.contracts.contracts, session.actor, watch)

    @get(
        "/v1/app/admin/contracts/{contract:str}",
        dependencies=needed,
        tags=TAGS_ADMIN,
        summary="One contract, with its last runs",
    )
    async def contract(
        session: CurrentSession,
        contract: Annotated[str, PathParameter(pattern=f"^{_ID}$")],
        watch: _WatchId,
    ) -> ContractPage:
        """The newest first, with alerts and dead letters."""
        return await asyncio.to_thread(pages.contracts.contract, session.actor, watch, contract)

    @get("/v1/app/admin/connectors", dependencies=needed, tags=TAGS_ADMIN, summary="What waits to be sent")
    async def connectors(session: CurrentSession, watch: _WatchId) -> ConnectorsPage:
        """By connector."""
        return await asyncio.to_thread(pages.contracts.connectors, session.actor, watch)

    return [contracts, contract, connectors]
