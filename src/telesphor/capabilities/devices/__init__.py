"""Readings of devices: which device measured what sort of thing, when, and where the sealed values are.

The values are an object of the vault that the device itself sealed; the ledger holds its id, how many
values there are, the time they span, and a commitment to them. Later the gateways of devices feed in here.

Invariants
- Only a device records readings, only of its own sealed objects, and each object once.
- A device's readings stand on `readings/<device>`, numbered without a gap.

Start with `service`.
"""
