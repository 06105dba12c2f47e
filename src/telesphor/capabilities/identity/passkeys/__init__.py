"""Passkeys (WebAuthn): a person says, with the device in its hand, that it is there now.

Invariants
- A passkey never replaces a signature: what it signs travels in a request signed by the person's own pair, and the
  challenge is made from that pair, so that an answer is worth nothing under any other.
- A challenge is answered once, well or badly, within five minutes, and only the newest one of its purpose.
- A counter that did not rise is refused and recorded: it may be a copy of the authenticator.
- What was registered before the person's keys were lost, or signed in under keys since replaced, counts no more.
- Entries hold digests; credential ids and public keys stand in a document that can be forgotten.

Most passkeys are classical (ES256): they add to a hybrid signature, and are not what anything quantum-safe
rests on. Start with `service`; what a browser does is in `docs/spec/passkeys.md`.
"""
