"""Uses: who was allowed what about whom, and what was done with it; and the log of it that people ask for.

That somebody read, created or changed something stands in the decisions of access. What a client does with what it
has read, outside the node, it must say: that it printed, exported or shared it. The log joins both, in plain words.

Invariants
- Whoever reads the log is in the log, before the answer leaves.
- A patient sees what is about it and nothing that is about others.
- A note of a use asks access first; what is denied is not done.
- Names of persons are not here: rows carry actor ids, with kinds and roles.

Start with `service.UseDesk`.
"""
