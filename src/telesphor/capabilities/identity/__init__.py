"""Who acts: people, systems, devices and organisations, each with a hybrid signing pair and a KEM key.

Invariants
- Every request is signed by its actor, by both halves of its current pair, within 300 seconds of the
  node's clock, and is recorded at most once.
- Whoever registers keys has proved to hold them, for this node and this id (the card).
- A key that was ever used by an actor is never accepted for another, nor a second time.
- From the entry after one that reports its keys lost, none of an actor's keys is in force until it is recovered.
- The ledger holds every actor's keys over time, so that any old signature can still be checked.
- The node and the root come into being with the first entry, and only there.

Start with `authenticate` (how bytes become a request), then `service` (the four commands). Folders below have the
same anatomy and stand on this one: `recovery` (lost keys), `dids` (keys as others see them), `passkeys`.
"""
