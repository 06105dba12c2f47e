"""The demonstration: a telehealth visit on real records becomes a proof, and the proof withstands attacks.

Nothing here is a part of the node: it uses a node as any client would, over HTTP, and then plays the
attacker on copies of its files. `records` and `heart` fetch what others wrote and measured, `stage` sets
up a node and its actors, `network` the other organisations and the public chains around it, `story` is the
visit with its chapters `factors`, `enrolment`, `sealing`, `grants`, `emergency`, `readings` and `reactions`,
`confirmation` what the others say of it, `proof` the verification by the single-file verifier in a process of its own,
`replays` every decision and run once more, `attacks` everything that must be detected. Start at `run.run_demo`.
"""
