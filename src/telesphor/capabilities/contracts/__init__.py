"""Contracts: sandboxed code that reacts to the ledger, and whose every run can be repeated by an auditor.

A contract is a Starlark file and a manifest. It is a pure function `(state, trigger) -> (state, effects)`: what
it may look at is handed to it, and what it wants done it returns. The node runs it in a process that can reach
neither network nor files, counts its steps, keeps what went in and came out as documents, and notes their
digests on the ledger.

Invariants
- The same source, state and trigger give the same state, effects and gas, on every machine.
- A contract that loops, recurses, fills memory or crashes its worker is recorded, and hurts nobody else.
- What it may ask for stands in its manifest, and nothing else is taken from it.
- Only the node itself says that a contract ran, and says it once for each trigger.

`runner` finds what triggers contracts and carries out their effects, which `effects` notes; `alerts` are one of them.
Start with `model`; `execution` is one run, `worker` is where it happens, `desk` writes it down, and `replay`
repeats it.
"""
