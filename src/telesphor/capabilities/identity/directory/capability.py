"""What the directory hands to the node: its entries. Names are asked for in sessions, and are in no command."""

from __future__ import annotations

from telesphor.capabilities.identity.directory.entries import ENTRIES
from telesphor.runtime.capability import Capability

CAPABILITY = Capability("directory", entries=ENTRIES)
