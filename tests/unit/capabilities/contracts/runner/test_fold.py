"""The tables of effects and alerts are a fold of the entries: replayed into an empty database they are the same."""

from __future__ import annotations

import apsw

from telesphor.capabilities.contracts.alerts.store import STORE as ALERTS
from telesphor.capabilities.contracts.effects.store import STORE as EFFECTS
from telesphor.capabilities.contracts.store import STORE as CONTRACTS
from telesphor.runtime.capability import Store
from tests.unit.capabilities.contracts.effects.test_effects import asking, dead_letter
from tests.unit.capabilities.contracts.workshop import Workshop


def rows(db: apsw.Connection, store: Store) -> dict[str, list[object]]:
    return {table: list(db.execute(f"SELECT * FROM {table}")) for table in store.tables}


def test_replayed_tables_are_the_same(shop: Workshop) -> None:
    letter = dead_letter(shop)
    shop.world.ask(shop.hospital, ("effect.retry/1", letter))
    effects = 'command("alert.raise/1", {"level": "warning", "code": "x"}), command("token.revoke/1", {})'
    other = asking(shop, effects, commands=("alert.raise/1", "token.revoke/1"), name="other")
    shop.call(other, name="go")
    shop.settle()
    alert = shop.of_type("alert.raised/1")[0].stream.removeprefix("alert/")
    shop.world.ask(shop.hospital, ("alert.acknowledge/1", {"alert": alert}))
    empty = apsw.Connection(":memory:")
    for store in (CONTRACTS, EFFECTS, ALERTS):
        empty.execute(store.schema)
        names = {name for name, apply in shop.world.registry.appliers.items() if apply is store.apply}
        for entry in shop.world.entries():
            if entry.type in names:
                store.apply(empty, entry)
        assert rows(empty, store) == rows(shop.world.db, store)
        assert any(rows(empty, store).values())
