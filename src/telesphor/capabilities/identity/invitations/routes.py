"""HTTP of invitations. The code stands in bodies only: addresses are kept in too many places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from telesphor.capabilities.identity.invitations.desk import LinkDesk, LinkView, Redeemed, read_registration
from telesphor.capabilities.identity.invitations.model import CodeField, InvitationFull, PasscodeField
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Sessions

AT_ONCE = 4
"""A registration costs some milliseconds of a core."""

WAITING_MAX = 256
"""Whole schools are invited by one mail, but nobody asks again before the answer."""

REGISTRATION_BYTES_MAX = 64 * 1024
"""A registration is about 20 KB."""


class LinkShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link's code."""

    code: CodeField


class LinkClaimed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link's code, and the passcode where one is needed."""

    code: CodeField
    passcode: PasscodeField | None = None


class LinkUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link's code, the passcode where one is needed, and the body of `actor.register/1` for the new keys."""

    code: CodeField
    registration: dict[str, Any]
    passcode: PasscodeField | None = None


class _Places:
    """So many at once; the others wait, up to a bound."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING_MAX:
            raise InvitationFull("too many links are being used", hint="try again in a minute")
        self._waiting += 1
        try:
            async with self._places:
                yield
        finally:
            self._waiting -= 1


def routes(desk: LinkDesk, sessions: Sessions) -> list[Any]:
    """The handlers of one node's invitations."""
    places = _Places()

    @post(
        "/v1/invitations/{invitation:str}/look",
        status_code=200,
        request_max_body_size=REGISTRATION_BYTES_MAX,
        summary="What a link invites to",
        tags=["invitations"],
    )
    async def look_at_invitation(invitation: FromPath[str], data: JSONBody[LinkShown]) -> LinkView:
        async with places.one():
            return await asyncio.to_thread(desk.look, invitation, data.code)

    @post(
        "/v1/invitations/{invitation:str}/redeem",
        status_code=201,
        request_max_body_size=REGISTRATION_BYTES_MAX,
        summary="Register the keys that were made for a link",
        tags=["invitations"],
    )
    async def redeem_invitation(invitation: FromPath[str], data: JSONBody[LinkUsed]) -> Redeemed:
        registration = read_registration(data.registration)
        async with places.one():
            return await asyncio.to_thread(desk.redeem, invitation, data.code, data.passcode, registration)

    @post(
        "/v1/invitations/{invitation:str}/claim",
        status_code=204,
        request_max_body_size=REGISTRATION_BYTES_MAX,
        dependencies=needs_session(sessions),
        summary="Show a link's code as somebody who has keys; then sign `invitation.accept/1`",
        tags=["invitations"],
    )
    async def claim_invitation(
        invitation: FromPath[str], data: JSONBody[LinkClaimed], session: CurrentSession
    ) -> None:
        async with places.one():
            await asyncio.to_thread(desk.claim, session.actor, invitation, data.code, data.passcode)

    return [look_at_invitation, redeem_invitation, claim_invitation]
