"""Sessions: how somebody who has signed once looks at many views.

Invariants
- A session begins by a signed command of its own actor, which leaves an entry; its ticket is good once, for a minute.
- Who has a passkey has signed in by it within the last 15 minutes before a session begins.
- A session changes nothing on the ledger: whatever changes is a signed command.
- It ends with what it stands on: the actor's being active, and the keys that began it.

Sessions themselves are `runtime/sessions.py`. Start with `service`. Bytes: `docs/spec/session.md`.
"""
