"""Devices of the internet of medical things: whose word they come with, who answers for them, and each connection.

A maker certifies the pair that it put into a device; the organisation countersigns that this device is one of
its own, and binds it to an owner; the device then proves itself by challenge each time it connects.

Invariants
- Default is deny: only the models of a maker that the organisation trusts, only firmware that it allows.
- A nonce is the node's own, is used once, and lives two minutes; a counter is never accepted twice.
- Two holders of one pair are noticed at the latest when the slower one connects, and both are shut out.
- A pair that was in quarantine, lost or stolen is never enrolled again.
- Each refused connection is a fact on the device's stream, with its cause.
- The ledger holds no serial number: a commitment to it, and the digest of the maker's credential.

Start with `service`; what a maker signs is in `credential`, when a connection is refused in `connecting`.
"""
