"""Which commands ask access at a whole node, and what no rule can take from anybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from telesphor.app import create_node, open_node
from telesphor.app.rules import BEYOND_RULES, UNDER_RULES
from telesphor.capabilities.access.model import AccessDenied
from telesphor.capabilities.identity.model import NotPermitted
from telesphor.client.requests import register_command, rotate_command
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.capability import Actor, Body, CommandType
from telesphor.runtime.requests import Request
from tests.support.everything import ORIGIN, Story

ABOUT_THINGS = {
    "object.write/1",
    "object.read/1",
    "object.erase/1",
    "object.rewrap/1",
    "object.resume/1",
    "visit.open/1",
    "visit.open-on-proof/1",
    "visit.add-object/1",
    "visit.read-object/1",
    "visit.record-reading/1",
    "visit.export/1",
    "visit.close/1",
    "visit.link/1",
    "visit.schedule/1",
    "visit.reschedule/1",
    "visit.invite/1",
    "visit.check-in/1",
    "visit.wait/1",
    "visit.begin/1",
    "visit.admit/1",
    "visit.return/1",
    "visit.remove/1",
    "visit.end/1",
    "visit.confirm-identity/1",
    "visit.present-identity/1",
    "visit.give-consent/1",
    "visit.start-recording/1",
    "visit.open-epoch/1",
    "reading.record/1",
    "token.mint/1",
    "use.note/1",
    "access-log.read/1",
    "break-glass.open/1",
    "contract.deploy/1",
    "contract.upgrade/1",
    "contract.call/1",
    "contract.pause/1",
    "contract.resume/1",
    "contract.retire/1",
    "effect.retry/1",
    "alert.list/1",
    "alert.acknowledge/1",
    "thread.open/1",
    "thread.add/1",
    "thread.enter/1",
    "thread.retain/1",
    "thread.hold/1",
    "thread.lift-hold/1",
    "thread.archive/1",
    "thread.restore/1",
    "thread.export/1",
    "message.send/1",
    "message.edit/1",
    "message.receive/1",
    "message.release/1",
    "monitor.declare/1",
    "monitor.dismiss/1",
    "monitor.look/1",
    "audit.watch/1",
    "audit.export/1",
}
"""Commands whose own capability asks, about the thing they name; the tests of each show that it does."""

OWN_WORD = {"node.create/1", "object.seal/1", "invitation.redeem/1"}
"""What only the node itself says, and the end of an upload that was allowed."""

NOTHING_IS_ALLOWED = '@id("nothing") forbid (principal, action, resource);'


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "node"
        create_node(path, origin=ORIGIN, passphrase=b"passphrase")
        with open_node(path, passphrase=b"passphrase") as node:
            yield Story(node)


def test_every_command_asks_access_or_is_known_not_to(story: Story) -> None:
    asked = UNDER_RULES.keys() | ABOUT_THINGS | BEYOND_RULES | OWN_WORD
    assert story.node.registry.commands.keys() == asked
    assert len(asked) == sum(map(len, (UNDER_RULES, ABOUT_THINGS, BEYOND_RULES, OWN_WORD)))


def test_system_that_may_mirror_the_ledger_may_not_look_at_its_log(story: Story) -> None:
    story.node.desks.mirrors.actors = frozenset({story.system.actor})
    story.ask(story.system, ("ledger.mirror/1", {"first": 0, "end": None}))
    watch = {"watch": story.ids.next(), "scope": "log", "subject": None, "minutes": 5, "live": False}
    with pytest.raises(NotPermitted, match="names"):
        story.ask(story.system, ("session.open/1", {}))
    for command in (("audit.watch/1", watch), ("access-log.read/1", {})):
        with pytest.raises(AccessDenied, match="read-log"):
            story.ask(story.system, command)


@pytest.fixture(scope="module")
def locked(story: Story) -> Story:
    """The node, after its organisation has forbidden everything."""
    story.ask(story.hospital, ("policy.set/1", {"slot": "rules", "policies": NOTHING_IS_ALLOWED}))
    return story


@pytest.mark.parametrize("name", sorted(UNDER_RULES))
def test_command_under_rules_that_is_forbidden_is_denied_on_record(locked: Story, name: str) -> None:
    command = locked.node.registry.command(name)
    actor = Actor(locked.hospital.actor, "organisation", locked.hospital.signing_key.public.key_id)
    before = locked.node.machine.committed_size
    with pytest.raises(AccessDenied, match=UNDER_RULES[name].value):
        _call(locked, actor, command)
    assert locked.node.machine.committed_size == before + 1


@pytest.mark.parametrize("name", sorted(BEYOND_RULES))
def test_command_beyond_rules_is_never_denied_by_them(locked: Story, name: str) -> None:
    """It comes to nothing for a reason of its own: the command is empty."""
    command = locked.node.registry.command(name)
    actor = Actor(locked.patient.actor, "person", locked.patient.signing_key.public.key_id)
    try:
        _call(locked, actor, command)
    except AccessDenied:
        pytest.fail(f"`{name}` asked access")
    except (AttributeError, TelesphorError):
        pass


def _call(story: Story, actor: Actor, command: CommandType) -> None:
    story.node.machine.call_blocking(Request(actor, ((command, Body()),)), timeout_seconds=20)


def test_person_changes_keys_where_everything_is_forbidden(locked: Story) -> None:
    renewed = locked.colleague.renew()
    locked.ask(locked.colleague, rotate_command(renewed, node=ORIGIN))


def test_organisation_takes_back_the_rule_that_forbids_everything(locked: Story) -> None:
    newcomer = locked.wallet("person")
    with pytest.raises(AccessDenied):
        locked.ask(locked.hospital, register_command(newcomer, node=ORIGIN))
    locked.ask(locked.hospital, ("policy.set/1", {"slot": "rules", "policies": None}))
    locked.ask(locked.hospital, register_command(newcomer, node=ORIGIN))
