"""Decentralised identifiers: the node and its actors as `did:web`, with documents made from the ledger.

Invariants
- A document says what the ledger says: the pair and the KEM key in force, now or at a past moment, or none.
- Each version names the position of the entry that brought it, whose bytes and proof anyone may fetch.
- Nothing but public keys is in a document: who an actor is, and what kind, is not.

There are no entries, tables or commands here. Start with `service`; the bytes are in `docs/spec/did.md`.
"""
