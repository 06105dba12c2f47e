"""Credentials: granular factors about a person or a device, vouched for by an issuer, disclosed one by one.

A credential is an SD-JWT VC (RFC 9901) of one group (`identity`, `licence`, ...) whose every factor is one
disclosure, signed by both keys of its issuer. The node keeps no credential: the ledger has its digest, who
issued it to whom, and whether it still holds.

Invariants
- Nothing verifies unless both halves of the issuer's pair verify, and nothing is presented unless both halves
  of the holder's pair bind it to one nonce, one audience and exactly the disclosures shown.
- A credential speaks for its group only, and only while its issuer is trusted for that group.
- Status is read from whole lists, and a list that is stale or missing is a refusal.

Start at `sd_jwt.py` for the format (`docs/spec/credentials.md` has its bytes) and at `service.py` for the ledger.
"""
