"""The story of links: what is asked for when people are invited and sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from telesphor.capabilities.identity.invitations.desk import read_registration
from telesphor.client.requests import register_command
from telesphor.kernel import base64url
from telesphor.kernel.digest import digest_of
from telesphor.runtime.capability import Actor

if TYPE_CHECKING:
    from tests.support.everything import Story

HOUR_MS = 3_600_000


def ask_invitations(story: Story) -> None:
    """A link redeemed by new keys, two accepted by known people, one taken back; and a session opened."""
    hospital, patient, desk = story.hospital, story.patient, story.node.desks.browsers.links
    story.ask(patient, ("session.open/1", {}))
    away = {"actor": story.colleague.actor}
    story.ask(hospital, ("actor.pause/1", {**away, "reason": "away"}))
    story.ask(hospital, ("actor.resume/1", away))
    group, newcomer, code = story.ids.next(), story.wallet("person"), story.ids.random_bytes(32)
    story.ask(hospital, ("group.form/1", {"group": group, "kind": "role", "role": "nurse"}))

    def invite(actor: str, groups: list[str]) -> str:
        body: dict[str, Any] = {"invitation": story.ids.next(), "actor": actor, "kind": "person"}
        body |= {"code": digest_of(code), "expires_at": story.instant(HOUR_MS), "groups": groups}
        story.ask(hospital, ("invitation.make/1", body))
        return str(body["invitation"])

    registration = read_registration(
        dict(msgspec.to_builtins(register_command(newcomer, node=story.node.settings.origin)[1]))
    )
    desk.redeem(invite(newcomer.actor, [group]), base64url.encode(code), None, registration)
    taken, unwanted = invite(patient.actor, []), invite(patient.actor, [])
    key_id = patient.signing_key.public.key_id
    desk.claim(Actor(patient.actor, "person", key_id), taken, base64url.encode(code), None)
    story.ask(patient, ("invitation.accept/1", {"invitation": taken}))
    colleague, given = story.colleague, invite(story.ids.next(), [group])
    colleague_key = colleague.signing_key.public.key_id
    desk.claim(Actor(colleague.actor, "person", colleague_key), given, base64url.encode(code), None)
    story.ask(colleague, ("invitation.accept/1", {"invitation": given}))
    story.ask(hospital, ("invitation.withdraw/1", {"invitation": unwanted}))
