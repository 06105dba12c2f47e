"""The directory: which person is behind a pseudonym, for those who may be told.

Invariants
- Names are patient data: none is ever in a command, an entry, a log or an address. The ledger says that a name
  changed, and who changed it.
- The directory is no fold of the ledger, and is forgotten name by name: a file of its own, in which each name is
  sealed to the node's key, and what is deleted is overwritten.
- A name is shown to its person, to organisations and systems, and to those who have a part with it: a visit, a thread.

Start with `directory` (the names), then `service` (who may do what). Page: `docs/spec/directory.md`.
"""
