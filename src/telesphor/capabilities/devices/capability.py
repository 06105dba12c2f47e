"""What devices hand to the node: their entry, their command and their table."""

from __future__ import annotations

from telesphor.capabilities.devices import service
from telesphor.capabilities.devices.entries import ENTRIES
from telesphor.capabilities.devices.store import STORE
from telesphor.runtime.capability import Capability, CommandType

READING_RECORD = CommandType("reading.record/1", service.RecordReading, service.record_reading)

CAPABILITY = Capability(name="devices", entries=ENTRIES, commands=(READING_RECORD,), store=STORE)
