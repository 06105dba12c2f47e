"""Messages: threads between a patient, the care team and caregivers, sealed from end to end.

A sender seals each message in an envelope to every member of its thread and to the compliance monitor, whom the
signed header names. The node keeps the envelope beside the ledger, checks to whom it is sealed without being able to
open it, and records who sent, received, read, edited and recalled what, and when.

Invariants
- A thread stands on `thread/<id>`, numbered without a gap; no entry holds more of a message than digests of ciphertext.
- An envelope is taken only if it is sealed to exactly the active members and the monitor in force, each under the key
  that it has now.
- No envelope leaves the node before the entry that says to whom; none leaves that is held back, recalled or expired.
- What is deleted by retention is deleted for good, and never while a legal hold is on its thread.
- An edit or a recall changes nothing of what was recorded before.

Start with `model`, then `threads`, `sending`, `receiving` and `watching` (the commands); `retention` deletes;
`monitor/` is the rules by which the monitor, a process of its own, judges.
"""
