"""Pure values and formats: what every other part, and the offline verifier, stands on.

Needs the standard library and `cryptography` only, performs no I/O, reads no clock but through
`clock.Clock`, and knows nothing of the parts above it. Start with `entry`, `merkle` and `signing`.
"""
