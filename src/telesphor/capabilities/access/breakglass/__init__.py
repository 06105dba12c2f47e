"""Break-glass: reading in an emergency what no grant allows, for a short time, for a reason, and seen at once.

A person opens it for one object, one visit or one patient's record. While it is open, that person's reads of it, for
the purpose `emergency`, are permitted by the policy `base:broken-glass`. The patient and the privacy officers are
named in the entry that opens it, and it alarms until somebody else has judged it.

Invariants
- Reads only: nothing is created, changed, exported, printed, shared, granted or erased by it.
- It is open for at most an hour, for one person, about one patient; a person has one open at a time.
- A `forbid` wins over it, and so does the patient's own (`break-glass.forbid/1`).
- Nobody opens it on a signature alone: the person has proved itself anew, and the entry says how.
- Nobody reviews their own, nor that of somebody who reviewed theirs.

What is open for a read is found by `standing.opened_for`; start with `service.BreakGlassDesk`.
"""
