"""Public chains, offline: what a proof that a digest stood in a block must show, checked without a network.

`anchor.py` holds what all chains share; `bitcoin.py` judges headers and an OpenTimestamps proof
(`timestamp.py`), `ethereum.py` a transaction with its trie proof. Nothing here reaches out, and nothing
here trusts the node that made the proof. Start at `anchor.VerifiedAnchor`.
"""
