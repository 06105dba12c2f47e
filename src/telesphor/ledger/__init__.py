"""The ledger: entries in gapless streams, a Merkle tree over them, signed checkpoints, proofs.

INVARIANT: an entry, once committed, never changes and never leaves; every checkpoint signed is
consistent with all that were signed before. Start with `entries` (how a fact is numbered and
stored), then `integrator` (how it gets into the tree), then `receipts` (how it is proved).
"""
