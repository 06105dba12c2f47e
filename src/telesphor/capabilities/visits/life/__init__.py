"""The life of a visit: when it is, who has a seat, who waits, who is in the room, and how it ended.

Invariants
- Each step is an entry on the visit's own stream, so that `visit.closed` commits to it.
- A seat moves only as `steps.py` says; whatever else is asked is refused under the code of its fault.
- Nobody is in the room whom the visit's clinician, or a colleague who is in it, did not let in.
- No entry has what a device test or an identity check was about: only how it came out.

Start with `steps` (what may follow what), then `service` (the commands).
"""
