"""Facts of other organisations' ledgers: how two nodes share a fact without sharing a database.

Whoever holds a proof bundle of another node's ledger submits it here. This node verifies it under its own
policy (which ledgers it knows, by which keys, and the least assurance level of each), and notes on its
own ledger that it accepted or refused it, by the bundle's digest. An accepted proof gives facts: entries
of the other ledger that this node's own rules may then require.

Invariants
- Default is deny: a proof of a ledger that the settings do not name is refused.
- Only the node itself says that a proof is accepted, and only after it verified these very bytes.
- A partner that shows two ledgers is believed in one of them at most.
- The bundle is not kept: its digest is on the ledger, and who holds the file can show it again.

Start with `service`; what is verified is in `partners`.
"""
