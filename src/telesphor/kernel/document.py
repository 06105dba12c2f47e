"""Documents: content-addressed bytes beside the ledger, which entries name by digest."""

from __future__ import annotations

from typing import Final

DOCUMENT_BYTES_MAX: Final = 1024 * 1024
"""A policy, a decision's inputs, a contract's state: read whole, and kept by the thousand."""
