"""Effects: what contracts ask for, carried out by the node, each settled once.

A run leaves a list of effects in its output document. The node carries them out afterwards: a command as its own
word, in one request with the entry that says so; a message through a connector, and then the entry that says so.

Invariants
- A command of an effect takes place once at most, and together with `effect.done/1`, or not at all.
- What the rules of a command refuse is `effect.refused/1`, and is not tried again.
- A message is sent at least once under one idempotency key, or ends as `effect.dead/1`, which somebody may have
  retried by a signed command.
- Only commands of a closed list are carried out, whatever a manifest says.

Start with `model`; `desk` says what became of an effect, `connectors` send messages.
"""
