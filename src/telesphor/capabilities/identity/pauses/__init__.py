"""Pauses: an actor is kept from acting for a while, by whoever runs the node.

A pause is not the loss of keys (`recovery/`): the keys stay as they were, and ending it is enough. INVARIANT: as long
as an actor is paused, no request of its is taken, and its sessions are ended. The entries are identity's own,
`actor.paused/1` and `actor.resumed/1` on `pause/<actor>`. Start at `service.PauseDesk`.
"""
