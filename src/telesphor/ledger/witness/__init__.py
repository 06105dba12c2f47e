"""Witnessing: other organisations' nodes cosign our checkpoints, and we cosign theirs (C2SP tlog-witness).

A witness remembers one tree head per log, and cosigns a new one only when it is consistent with that. So a
log that shows two histories, or takes one back, finds no second cosignature. What this package guarantees:

- INVARIANT: for one log a witness never cosigns two different trees of one size, nor a smaller tree after a
  larger, whatever is killed when: the new state is durable before the signature is made (`store`).
- A node keeps each cosignature durably as it arrives, and one witness never waits for another (`collector`).

Start at `witness` (the decision); `model` is the request, `routes` its HTTP, `standalone` a witness that runs
alone; `client`, `collector` and `book` are the side of the log. Bytes: `docs/spec/witness.md`.
"""
