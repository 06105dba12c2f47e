"""All bad bundles, gathered from the modules that make them."""

from __future__ import annotations

from tests.vectors.bundles import attribution, confirm, form, grants, life, lost_keys, order, place
from tests.vectors.bundles.case import FAULTS, Fault, good_bundle

__all__ = [
    "FAULTS",
    "Fault",
    "attribution",
    "confirm",
    "form",
    "good_bundle",
    "grants",
    "life",
    "lost_keys",
    "order",
    "place",
]
