"""Presentations: a verifier asks for factors, the holder shows exactly those it approved, and the ledger gets digests.

Invariants
- What was asked is a document that the holder names by its digest when it answers: nobody can show the holder one
  request and have it answer another.
- An answer shows exactly the factors that the holder approved: all that are needed, none that was not asked for.
- Every credential in it is bound by both halves of the holder's present pair to this verifier and this request's
  nonce, which is used once.
- Values travel beside the signed command, never in it; the ledger and its evidence hold digests and names alone.
- A refused answer is a fact with its cause. What was accepted counts until it expires or is withdrawn, its
  credential or issuer falls, or the holder's keys change.

Start with `desk` (asking and answering) and `service` (what counts); what an answer must be is in `response`.
"""
