"""HTTP of the directory: names for those who may see them. A name is never in an address: searches are posted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from telesphor.capabilities.identity.directory.model import NAME_CHARS_MAX, NamedPerson
from telesphor.capabilities.identity.directory.service import DirectoryDesk
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Sessions

SEARCHES_AT_ONCE = 2
"""A search opens every name: so many cores' worth, and the others wait."""

_IDS_CHARS_MAX = 4_096


class NameGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's name."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]


class Looked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for: the beginnings of names."""

    q: Annotated[str, Meta(max_length=NAME_CHARS_MAX)]


class PeopleList(msgspec.Struct, frozen=True):
    """People and their names."""

    people: tuple[NamedPerson, ...]


def routes(desk: DirectoryDesk, sessions: Sessions) -> list[Any]:
    """The handlers of one node's directory."""
    known = needs_session(sessions)
    places = asyncio.Semaphore(SEARCHES_AT_ONCE)

    @put(
        "/v1/app/people/{actor:str}",
        status_code=204,
        dependencies=known,
        summary="Set a person's name: one's own, or as an organisation",
        tags=["people"],
        sync_to_thread=True,
    )
    def name_person(actor: FromPath[str], data: JSONBody[NameGiven], session: CurrentSession) -> None:
        """The ledger says that it changed, and never what it is."""
        desk.name_person(session.actor, actor, data.name)

    @delete(
        "/v1/app/people/{actor:str}",
        status_code=204,
        dependencies=known,
        summary="Destroy a person's name",
        tags=["people"],
        sync_to_thread=True,
    )
    def forget_person(actor: FromPath[str], session: CurrentSession) -> None:
        desk.forget_person(session.actor, actor)

    @get(
        "/v1/app/people",
        dependencies=known,
        summary="The names of people with whom one has a part",
        tags=["people"],
        sync_to_thread=True,
    )
    def show_people(
        session: CurrentSession,
        actors: Annotated[
            str, QueryParameter(description="Ids, with commas between them", max_length=_IDS_CHARS_MAX)
        ],
    ) -> PeopleList:
        return PeopleList(desk.show_people(session.actor, [one for one in actors.split(",") if one]))

    @post(
        "/v1/app/people/search",
        status_code=200,
        dependencies=known,
        summary="Look people up by the beginnings of their names",
        tags=["people"],
    )
    async def search_people(data: JSONBody[Looked], session: CurrentSession) -> PeopleList:
        """For organisations, systems and auditors."""
        async with places:
            return PeopleList(await asyncio.to_thread(desk.search_people, session.actor, data.q))

    return [name_person, forget_person, show_people, search_people]
