"""Lost keys: who may say that they are lost, and who may give an actor new ones without the old.

Invariants
- From the entry after `actor.suspended/1` no key of the actor is in force until it is recovered.
- No single guardian recovers anybody: it takes at least two of those that the actor named itself, or the
  recovery pair that it keeps sealed elsewhere; always the new keys' own card; and always the waiting time that
  the actor chose, during which it can stop what it did not want.
- Guardians approve keys, not a reference to them: the thumbprints stand in what they sign.
- An approval of a guardian whose own keys were reported lost after it does not count.
- All of it stands on `actor/<id>`, whose numbers have no gap, so that the offline verifier
  (`telesphor.verify.recovering`) follows every recovery by the same rules.

Start with `service`; the bytes are in `docs/spec/actors.md`.
"""
