"""Consents of a visit: to the visit, to its recording, to sharing it with a third party; each apart.

Invariants
- Who consents names the exact text by its digest, which is one in force; the text is kept as a document, so that the
  visit's proof shows what was agreed to.
- A consent taken back has its effect in the same decision: the recording stops, the third party is out of the room.

Start with `service`; `texts` has the words that ship.
"""
