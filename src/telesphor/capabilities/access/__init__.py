"""Access: whether an actor may do something, decided by rules and recorded before anything is released.

An ask (actor, action, resource, purpose) is answered by Cedar policies: those of the base, those that the
organisation sets, and those that tokens bring. Every answer, allow or deny, leaves an entry and a decision
receipt, from which anybody who holds the documents reaches the same answer again, offline.

Invariants
- No decision means deny: an error, a policy that cannot be evaluated, an input that the schema does not know.
- A `forbid` always wins, whoever permits.
- The entry of a decision is written in the same batch as what it allows, or instead of what it denies.
- A receipt names its inputs by digest; with another policy, schema, entity or request it does not replay.
- The ledger holds opaque ids, names of actions, purposes and policies; everything else stands in documents.

Start with `service.authorise`; what is decided, purely, is in `decide`, and again in `replay`.
"""
