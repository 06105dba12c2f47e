"""The vault: patient data as sealed objects, under keys that can be destroyed.

An object is one file of any size, encrypted under a data key of its own (`objects`). The data key is
wrapped for the node and for each reader, in records that can be deleted (`keys`). What happened to an
object (begun, sealed, read, re-wrapped, erased, or kept by a hold) is an entry; the bytes and the keys never are.

INVARIANT: an object's bytes and wraps are durable before the entry that seals it, and the entry that
allows a read is durable before the first byte leaves.
INVARIANT: after `object.erased` nothing is read, and the keys are gone as soon as the disk answers,
at the latest at the next start.

Start with `service` (what may be asked, and who may), then `objects` (what the bytes are).
"""
