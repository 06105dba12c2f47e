"""Tokens: who has been given what, for which purposes and how long, and by whom (the Enterprise NFTs).

A token is one grant: a holder may do these actions, for these purposes, within this window, on this dataset or
in this role, under factors and a rule. Patient to clinician and clinician to patient are the same thing.
Groups (care teams, roles) can hold tokens; datasets name what they are about.

Invariants
- Nobody grants what the rules of access do not let it grant; a delegation is narrower than its parent in every
  field; nothing can be delegated further than its depth.
- Nothing lives before its recipient has accepted it. What has ended never lives again.
- A token lives only while every token above it lives and is held by whoever delegated it: ending one ends all
  below it at once, without an entry for each.
- A token covers exactly the members its dataset had when it was minted, and its entry commits to them.
- A device has at most one holder at any moment.
- What a token says of people (factors, rules) stands in a document that its entry names, not on the ledger.

Start with `service.TokenDesk`; what a token permits is in `policies`, whether it lives in `standing`.
"""
