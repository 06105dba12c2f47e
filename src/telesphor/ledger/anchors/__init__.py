"""Anchors: public chains date this ledger's checkpoints, beside the ledger's work and never in its way.

`model.py` says what a chain is; `job.py` takes the newest checkpoint, has each chain anchor it and looks after
it until the proof is final; `book.py` keeps every step durably. What is anchored is the SHA-256 of the
checkpoint's text, so one transaction dates all entries up to it, and the chain learns nothing but a hash.
INVARIANT: an anchor's state is durable before anything of it is sent. Start at `job.AnchorJob`.
"""
