"""What is fuzzed: one function per parser, and the valid inputs that mutation starts from.

Each target takes bytes. It may return, or raise a `TelesphorError`; anything else that escapes is a
finding. What a parser accepts must come back from its writer byte for byte, where there is a writer.
Start at `TARGETS`. The same targets serve hypothesis (`test_parsers`) and atheris (`harness`).
"""

from __future__ import annotations

from tests.fuzz import (
    bundle_targets,
    chain_targets,
    contract_targets,
    credential_targets,
    enrolment_targets,
    format_targets,
    sealing_targets,
    settings_targets,
    witness_targets,
)
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    **format_targets.TARGETS,
    **sealing_targets.TARGETS,
    **bundle_targets.TARGETS,
    **witness_targets.TARGETS,
    **chain_targets.TARGETS,
    **settings_targets.TARGETS,
    **credential_targets.TARGETS,
    **enrolment_targets.TARGETS,
    **contract_targets.TARGETS,
}
