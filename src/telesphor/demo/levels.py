"""The policy of levels of a demonstration network: that which ships, but for chains that run on one machine.

It asks as much of witnesses and notaries as the shipped policy does. Its chains are those of the demonstration
itself: whoever runs them writes their blocks, and every verdict under it says that they prove nothing about time.
Nobody should judge by it what was not made in a demonstration. Start at `DEMO_LEVELS`.
"""

from __future__ import annotations

from typing import Final

DEMO_LEVELS: Final = """\
# What each level asks for in the demonstration, whose chains run on this machine and prove nothing about time.
format = "telesphor-levels/1"

# L2: so many witnesses cosigned, none of them of the log's own organisation.
validators = 3

# L3: and they differ in so many ways.
[diversity]
organisations = 3
regions = 2
clouds = 2
operators = 1

# L4: so many notaries, of organisations that are none of those, checked that and signed.
[notary]
at_least = 1

# L5: so many of these chains of one's own date the checkpoint, each with so many blocks from it on.
[anchors]
at_least = 1
networks = ["bitcoin-regtest", "ethereum-31337"]
confirmations = 2
"""
