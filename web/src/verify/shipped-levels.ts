/** The policy of levels that ships with every verifier, to the byte: its digest stands in each report. */
export const SHIPPED_LEVELS = `\
# What each level asks for. This is the policy that ships; a reader may well ask for more.
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

# L5: so many of these public chains date the checkpoint, each with so many blocks from it on. Headers of
# Ethereum show no work and can be written for nothing: they count when one of them is among the pins below.
[anchors]
at_least = 1
networks = ["bitcoin-mainnet", "ethereum-1"]
confirmations = 6

# Pins. When any witness is listed only those listed count; write \`vkeys\` (both keys of the witness) or \`card\`
# (the digest of its card, which holds it to what the card says).
#
# [[witness]]
# vkeys = ["witness.north.example+...", "witness.north.example+..."]
#
# Block headers that you know from elsewhere, the hash as explorers show it, without \`0x\`.
#
# [[pin]]
# network = "bitcoin-mainnet"
# height = 0
# hash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
`;
