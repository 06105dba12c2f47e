"""Invitations: how keys that were just made in a browser become an actor's.

Invariants
- A link is used once, before its time is over, by whoever holds its code; of the code the ledger has the digest.
- Where a passcode goes with it, `TRIES_MAX` wrong ones end the invitation.
- The node registers the new keys by a request of its own that names the invitation: both entries stand, or neither.
- What an invitation gives was asked for by a signed command of whoever invites, under the rules of access.

Start with `service` (make, take, withdraw), then `desk` (what a link's holder may do).
Bytes: `docs/spec/invitation.md`.
"""
