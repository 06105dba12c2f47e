"""The room of a visit: whose keys are in use, and what is recorded.

Invariants
- The node never sees a key of the room. Each names those it was made for, all of whom were in the room then.
- What is recorded began while everybody in the room consented, and has stopped when somebody does not.

Start with `service`; `recording.recording_of` is what others ask.
"""
