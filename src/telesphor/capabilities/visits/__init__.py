"""Telehealth visits: who met whom, what was read, written, recorded and measured, and that it is all.

Invariants
- A visit stands on `visit/<id>`, numbered without a gap; each further step links one entry elsewhere.
- Only participants link: the patient and the clinician their reads and objects, a registered device its
  readings; and only while the visit is open.
- `visit.closed` is the last entry of its stream and commits to the number and the Merkle root of all
  before it, so that nothing can be left out of a proof unnoticed.

Start with `service` (the commands), then `proof` (the bundle of a closed visit).
"""
