"""Anchoring in Ethereum and its kin: one small transaction, signed here, whose data are the digest.

`chain.py` takes an anchor from its signed transaction to its final proof; `node.py` asks a JSON-RPC node
(`rpc.py`), `key.py` signs, `blocks.py` makes headers and the trie proof from the node's answers. Nothing a
node answers is believed: a proof is verified with the reader's own code before it is kept.
INVARIANT: nothing is sent that the returned state does not already hold. Start at `chain.EthereumChain`.
"""
