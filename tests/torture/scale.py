"""How long the campaigns here run: `TELESPHOR_TORTURE` times as long as in the quick test run."""

from __future__ import annotations

import os

TORTURE = max(1, int(os.environ.get("TELESPHOR_TORTURE", "1")))
"""1 in `make test`; `make torture` sets 20."""

SEED = int(os.environ.get("TELESPHOR_SEED", "20261122"))
"""What every random choice here follows from; printed with each failure."""
