"""Signalling: how the browsers in one visit's room find each other, over the node's live connection.

The node says who is in the room and hands small messages between them: descriptions and candidates of
WebRTC, envelopes with keys, sealed chat. It holds no key of any of it. Bytes: `docs/spec/room.md`.

Invariants
- Whoever is not admitted to the visit at this moment neither sends nor gets anything.
- A message goes to people in the same room only, whole or not at all; a kind or member that is not known is refused.
- One person has one place in a room: a second tab takes it over, and the first is told.
- Each change of who is in the room begins a new epoch, whose number is never used twice while anyone stays.

Start with `desk`; `room` is one room's rules without any connection, `model` the words of the wire.
"""
