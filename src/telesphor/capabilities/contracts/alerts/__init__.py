"""Alerts: what a contract found that somebody must look at, until somebody says that they did.

An alert names a contract, a level, a code and opaque ids; what was measured or said stands elsewhere, under the rules
of access. Only the node raises one, and only because a contract asked; it stays open until it is acknowledged.

Invariants
- An alert is raised by the effect of a contract, never by a command that somebody sends.
- It is acknowledged once, by an actor whom the rules of access let change what the contract is about.
- Who lists alerts leaves an entry.

Start with `service`.
"""
