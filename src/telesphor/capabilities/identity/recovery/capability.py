"""What recovery hands to the node: its entries, its commands and its tables."""

from __future__ import annotations

from telesphor.capabilities.identity.recovery import service
from telesphor.capabilities.identity.recovery.entries import ENTRIES
from telesphor.capabilities.identity.recovery.store import STORE
from telesphor.runtime.capability import Capability, CommandType

SET_RECOVERY = CommandType("actor.set-recovery/1", service.SetRecovery, service.set_recovery)
REPORT_LOST = CommandType("actor.report-lost/1", service.ReportLost, service.report_lost)
BEGIN_RECOVERY = CommandType(
    "actor.begin-recovery/1", service.BeginRecovery, service.begin_recovery, service.verify_statement_of
)
APPROVE_RECOVERY = CommandType("actor.approve-recovery/1", service.ApproveRecovery, service.approve_recovery)
CANCEL_RECOVERY = CommandType("actor.cancel-recovery/1", service.CancelRecovery, service.cancel_recovery)
RECOVER = CommandType("actor.recover/1", service.RecoverActor, service.recover_actor)

CAPABILITY = Capability(
    name="key_recovery",
    entries=ENTRIES,
    commands=(SET_RECOVERY, REPORT_LOST, BEGIN_RECOVERY, APPROVE_RECOVERY, CANCEL_RECOVERY, RECOVER),
    store=STORE,
)
