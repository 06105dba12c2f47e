"""Compliance: what auditors, administrators and patients are shown of the log, and how each look is itself in it.

Nobody reads the log by a session alone. A signed command opens a watch (`audit.watch/1`): access is asked, the
entry is durable, and for an hour at most the views below `/v1/app/audit`, `/v1/app/my` and `/v1/app/admin` answer
under it. Each page of the log or of people that is shown leaves an entry of its own before it leaves the node.

Invariants
- No view of the log without a watch that lives, of the same actor, whose permission still stands when it is used.
- A watch on one person's log shows rows about that person alone, whatever is asked.
- The search index holds ids and words only, is made from the entries, and is made again when it is missing.
- Names come from the directory and go to whom the row is shown; no entry has one.

Start with `service` (watches), then `desk.WatchDesk`, through which every view goes.
"""
