"""HTTP of the views of visits, below `/v1/app/`: for people who are signed in."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import get
from litestar.params import FromPath, QueryParameter

from telesphor.capabilities.visits.life.pictures import ConsentTexts, Queue, VisitList, VisitShown
from telesphor.capabilities.visits.life.views import ROWS_MAX, VisitViews, Which
from telesphor.kernel.ids import VisitId, parse_id
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Sessions

_LANGUAGE = r"^[a-z]{2,3}(-[A-Z]{2})?$"


def routes(views: VisitViews, *, sessions: Sessions) -> list[Any]:
    """The handlers of one node's views of visits."""
    signed_in = needs_session(sessions)

    @get(
        "/v1/app/visits",
        summary="The visits in which I have a seat",
        dependencies=signed_in,
        tags=["visits"],
        sync_to_thread=True,
    )
    def list_visits(
        session: CurrentSession,
        which: Annotated[
            Which, QueryParameter(description="those to come, or those that ended")
        ] = "upcoming",
        before: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=ROWS_MAX)] = ROWS_MAX,
    ) -> VisitList:
        """Those to come by their time, or those that ended, the newest first."""
        after = None if before is None else parse_id(before)
        return views.visits_of(session.actor, which=which, before=after, rows=limit)

    @get(
        "/v1/app/visits/{visit:str}",
        summary="One visit",
        dependencies=signed_in,
        tags=["visits"],
        sync_to_thread=True,
    )
    def show_visit(session: CurrentSession, visit: FromPath[str]) -> VisitShown:
        """For its participants, and for organisations."""
        return views.show_visit(session.actor, VisitId(parse_id(visit)))

    @get(
        "/v1/app/queue",
        summary="Who waits for me, and what is due today",
        dependencies=signed_in,
        tags=["visits"],
        sync_to_thread=True,
    )
    def show_queue(session: CurrentSession) -> Queue:
        """For clinicians; whoever is none sees an empty queue."""
        return views.show_queue(session.actor)

    @get(
        "/v1/app/consent-texts",
        summary="What people are shown before they consent",
        dependencies=signed_in,
        tags=["visits"],
        sync_to_thread=True,
    )
    def show_consent_texts(
        session: CurrentSession,
        language: Annotated[str, QueryParameter(pattern=_LANGUAGE, max_length=6)] = "en",
    ) -> ConsentTexts:
        """In this language, or in English where there is no text in it."""
        return views.consent_texts(language)

    return [list_visits, show_visit, show_queue, show_consent_texts]
