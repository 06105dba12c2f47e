"""The Python client: a wallet of keys, signed requests, and a node over HTTP.

`wallet` keeps one actor's keys, `requests` turns commands into signed bytes (pure: time and randomness
come in as arguments), `node` sends them and moves objects (aiohttp). Start with `node.NodeClient`.
"""
