"""A bundle that a real node makes of an actor that was suspended and recovered: it holds what its verifier needs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from telesphor.capabilities.identity.recovery.capability import CAPABILITY as RECOVERY
from telesphor.client.recovery import (
    approve_recovery_command,
    begin_recovery_command,
    make_offer,
    recover_command,
    report_lost_command,
    set_recovery_command,
)
from telesphor.client.wallet import Wallet
from telesphor.kernel.bundle import Selection, read_bundle
from telesphor.kernel.clock import format_instant
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.bundles import BundleSource
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.fsck import LedgerFiles
from telesphor.ledger.integrator import Integrator
from telesphor.ledger.receipts import Prover
from telesphor.ledger.share import share_bundle
from telesphor.runtime.blobs import open_blobs
from telesphor.verify import Pins, verify_bundle
from tests.unit.capabilities.world import ORIGIN, World


def recover(world: World, person: Wallet, guardians: list[Wallet]) -> Wallet:
    """The person's new wallet, after its guardians did what they are for."""
    ids = [guardian.actor for guardian in guardians]
    world.ask(person, set_recovery_command(guardians=ids, threshold=2, wait_seconds=60))
    world.ask(guardians[2], report_lost_command(person.actor, reason="stolen"))
    renewed = person.renew()
    keys = renewed.signing_key.public.thumbprints()
    offer = make_offer(renewed, node=ORIGIN)
    world.ask(guardians[0], begin_recovery_command(person.actor, offer=offer))
    world.ask(guardians[1], approve_recovery_command(person.actor, keys=keys))
    world.clock.advance_ms(60_000)
    world.ask(world.node, recover_command(person.actor, keys=keys))
    return renewed


def bundle_of(world: World, folder: Path, position: int) -> bytes:
    """One entry, with all that a bundle holds besides, as `telesphor share` makes it."""
    book, public = CheckpointBook(folder / "published.sqlite"), open_blobs(folder / "public")
    integrator = Integrator(
        ledger_path=world.path, book=book, public=public, signer=world.log, clock=world.clock
    )
    with closing(book), closing(EntryReader(world.path, world.registry)) as reader:
        integrator.integrate()
        checkpoint = book.newest()
        shared = share_bundle(
            Selection(world.ids.next(), "a complaint"),
            [position],
            reader=reader,
            checkpoint=checkpoint,
            source=BundleSource(
                ORIGIN, world.log.vkeys(), Prover(book=book, public=public), world.node.signing_key
            ),
            made_at=format_instant(world.clock.now_ms()),
        )
        return shared.bundle


def test_bundle_of_what_a_recovered_actor_did_verifies_offline(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    world = World(ledger, RECOVERY)
    with closing(world):
        world.begin()
        guardians = [world.enrol("person") for _ in range(3)]
        person = recover(world, world.enrol("person"), guardians)
        world.put(person)
        data = bundle_of(world, tmp_path, world.entries()[-1].position)
        report = verify_bundle(data, pins=Pins(frozenset(world.log.vkeys())))
        assert [step.failure for step in report.steps if step.failure] == []
        assert report.passed
        streams = {parse_entry(entry.data).stream for entry in read_bundle(data).entries}
        assert {f"actor/{guardian.actor}" for guardian in guardians} <= streams


def test_ledger_of_a_node_that_let_lost_keys_act_is_refused(tmp_path: Path) -> None:
    """A bundle may end before a suspension; the ledger as a whole, which mirrors have, cannot hide it."""
    world = World(tmp_path, RECOVERY)
    with closing(world):
        world.begin()
        person, clinic = world.enrol("person"), world.enrol("organisation")
        settings = set_recovery_command(guardians=[], threshold=0, wait_seconds=0)
        request = world.authenticator.authenticate(world.sign(person, settings))
        world.ask(clinic, report_lost_command(person.actor, reason="stolen"))
        world.machine._guards = ()  # the node is dishonest
        world.machine.call_blocking(request, timeout_seconds=60)
        files = LedgerFiles(
            ledger=world.path,
            published=tmp_path / "published.sqlite",
            public=open_blobs(tmp_path / "public"),
            origin=ORIGIN,
            vkeys=world.log.vkeys(),
        )
        with pytest.raises(TelesphorError) as caught:
            check_attribution(files)
        assert caught.value.code == "actor-suspended"
