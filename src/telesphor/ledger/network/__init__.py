"""A node's part in the network: who cosigns its ledger, which public chains date it, and how far each block is.

`cards.py` makes the node's own cards, `peers.py` reads those of others and the policy, `chains.py` makes the
chains that the settings name, `network.py` runs it all in a thread of its own (`loop.py`), `judging.py` says how
far a checkpoint is confirmed, `standing.py` which one proves an entry best, `status.py` and `routes.py` show the
progress of each block. Nothing here holds up the writer. Start at `network.Network`.
"""
