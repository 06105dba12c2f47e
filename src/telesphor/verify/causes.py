"""Which commands may cause an entry of each type, and what both must say.

One row per type that a signed command asks for in the same words; a row without commands is the node's own word,
which nobody can ask for. `docs/spec/causes.md` says the same. How the two are compared, and what counts as said,
stands in `asked`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

OBJECT_LINKED: Final = "visit.object-linked/1"

_Rows = Mapping[str, Mapping[str, Sequence[str]]]

_OPENING: Final = ("visit", "patient", "clinician", "devices")
_READING: Final = ("readings", "visit", "object", "kind", "count", "from", "to", "commitment")
_BEGUN: Final = ("object", "media_type", "readers", "visit", "subject")
_TRUSTED: Final = ("issuer", "did", "actor", "groups", "keys", "status_keys", "status_uri")
_ISSUED: Final = (
    *("credential", "digest", "group", "issuer", "subject"),
    *("list", "index", "expires", "verified"),
)
_CONNECTING: Final = ("device", "owner", "firmware", "counter", "nonce", "channel")
_TERMS: Final = (
    *("token", "recipient", "dataset", "role", "actions", "purposes", "not_before", "not_after"),
    *("revocable", "transferable", "delegation_depth"),
)
_OF_TOKEN: Final = ("access", "token")
_SHARING: Final = ("shares", "entries", "opened", "file")
_NOBODY: Final[Mapping[str, Sequence[str]]] = {}

# Visits and what stands in them.
_VISITS: Final[_Rows] = {
    "visit.opened/1": {
        "visit.open/1": _OPENING,
        "visit.open-on-proof/1": _OPENING,
        "visit.schedule/1": _OPENING,
    },
    OBJECT_LINKED: {
        "visit.open-on-proof/1": ("visit", "proof", "role"),
        "visit.read-object/1": ("visit", "object", "role"),
        "visit.add-object/1": ("visit", "object", "role"),
        "visit.record-reading/1": ("visit", "readings", "role"),
        "visit.link/1": ("visit", "stream", "n", "role"),
    },
    "visit.closed/1": {"visit.close/1": ("visit",)},
    "visit.exported/1": {"visit.export/1": ("exports",)},
    "reading.recorded/1": {"reading.record/1": _READING, "visit.record-reading/1": _READING},
}
# How a visit was lived: when, by whom, with whose consent, under which keys.
_LIVES: Final[_Rows] = {
    "visit.scheduled/1": {
        "visit.schedule/1": ("visit", "starts_at", "minutes"),
        "visit.reschedule/1": ("visit", "starts_at", "minutes"),
    },
    "visit.invited/1": {"visit.invite/1": ("visit", "participant", "role", "invitation")},
    "visit.checked-in/1": {"visit.check-in/1": ("visit", "camera", "microphone", "speaker", "network")},
    "visit.waiting/1": {"visit.wait/1": ("visit",)},
    "visit.begun/1": {"visit.begin/1": ("visit",)},
    "visit.admitted/1": {"visit.admit/1": ("visit", "participant")},
    "visit.returned/1": {
        "visit.return/1": ("visit", "participant"),
        "visit.withdraw-consent/1": ("visit",),
    },
    "visit.removed/1": {"visit.remove/1": ("visit", "participant")},
    "visit.left/1": {"visit.leave/1": ("visit",)},
    "visit.ended/1": {"visit.end/1": ("visit", "outcome")},
    "visit.identity-confirmed/1": {"visit.confirm-identity/1": ("visit", "participant", "identifiers")},
    "visit.identity-presented/1": {"visit.present-identity/1": ("visit", "presentation")},
    "visit.consent-given/1": {"visit.give-consent/1": ("visit", "consent", "text", "language")},
    "visit.consent-withdrawn/1": {"visit.withdraw-consent/1": ("visit", "consent")},
    "consent.text-set/1": {"consent.set-text/1": ("consents", "kind", "language", "digest")},
    "visit.epoch-opened/1": {"visit.open-epoch/1": ("visit", "epoch", "participants", "envelopes")},
    "visit.recording-started/1": {"visit.start-recording/1": ("visit", "object")},
    # Whatever changes who is in the room, or what they consent to, ends a recording.
    "visit.recording-stopped/1": {
        f"visit.{verb}/1": ("visit",)
        for verb in (
            *("stop-recording", "withdraw-consent", "begin", "admit", "return", "remove", "leave", "end"),
        )
    },
}
# Sealed objects.
_OBJECTS: Final[_Rows] = {
    "object.begun/1": {"object.write/1": _BEGUN},
    "object.resumed/1": {"object.resume/1": ("object",)},
    "object.sealed/1": {"object.seal/1": ("object", "digest", "size")},
    "object.read/1": {
        "object.read/1": ("object", "purpose", "visit"),
        "visit.read-object/1": ("object", "purpose", "visit"),
    },
    "object.rewrapped/1": {"object.rewrap/1": ("object", "readers")},
    "object.erased/1": {"object.erase/1": ("object", "reason")},
    "object.erase-refused/1": {"object.erase/1": ("object", "reason")},
}
# The ledger itself, and others' ledgers.
_LEDGERS: Final[_Rows] = {
    "document.forgotten/1": {"document.forget/1": ("documents", "reason")},
    "share.made/1": {"share.make/1": _SHARING, "audit.export/1": _SHARING},
    "ledger.mirrored/1": {"ledger.mirror/1": ("mirrors", "first", "end")},
    "interchain.proof-submitted/1": {"interchain.submit/1": ("proof", "bundle", "size", "facts")},
    "interchain.proof-accepted/1": _NOBODY,
    "interchain.proof-refused/1": _NOBODY,
}
# Signing in, and being invited. What is done about names is the node's word: they stand in no request.
_PASSKEYS: Final[_Rows] = {
    "passkey.challenged/1": {"passkey.challenge/1": ("passkey", "purpose")},
    "passkey.registered/1": {"passkey.register/1": ("passkey",)},
    "passkey.signed-in/1": {"passkey.sign-in/1": ("passkey",)},
    "passkey.refused/1": {"passkey.register/1": ("passkey",), "passkey.sign-in/1": ("passkey",)},
    "passkey.removed/1": {"passkey.remove/1": ("passkey",)},
    "session.opened/1": {"session.open/1": ("session",)},
    "actor.paused/1": {"actor.pause/1": ("actor", "reason")},
    "actor.resumed/1": {"actor.resume/1": ("actor",)},
    "invitation.made/1": {
        "invitation.make/1": ("invitation", "actor", "code", "passcode", "visit", "groups", "expires_at")
    },
    "invitation.refused/1": _NOBODY,
    "invitation.redeemed/1": {"invitation.redeem/1": ("invitation", "member")},
    "invitation.accepted/1": {"invitation.accept/1": ("invitation",)},
    "invitation.withdrawn/1": {"invitation.withdraw/1": ("invitation",)},
    "person.named/1": _NOBODY,
    "person.forgotten/1": _NOBODY,
}
# Who vouches for factors, and the credentials they give.
_CREDENTIALS: Final[_Rows] = {
    "issuer.trusted/1": {"issuer.trust/1": _TRUSTED},
    "issuer.distrusted/1": {"issuer.distrust/1": ("issuer", "reason")},
    "status-list.opened/1": {"status-list.open/1": ("status-list", "issuer")},
    "credential.issued/1": {"credential.issue/1": _ISSUED},
    "credential.reverified/1": {"credential.reverify/1": ("credential", "verified")},
    "credential.suspended/1": {"credential.suspend/1": ("credential", "reason")},
    "credential.reinstated/1": {"credential.reinstate/1": ("credential", "reason")},
    "credential.revoked/1": {"credential.revoke/1": ("credential", "reason")},
    "credential.offered/1": {"credential.offer/1": ("credential",)},
    "credential.collected/1": _NOBODY,
    "credential.expired/1": _NOBODY,
}
# Factors shown to a verifier.
_PRESENTATIONS: Final[_Rows] = {
    "presentation.requested/1": {
        "presentation.request/1": ("presentation", "nonce", "purpose", "holder", "expires_at")
    },
    "presentation.opened/1": {"presentation.open/1": ("presentation",)},
    "presentation.presented/1": {"presentation.present/1": ("presentation", "request", "vp")},
    "presentation.refused/1": {"presentation.present/1": ("presentation", "vp")},
    "presentation.read/1": {"presentation.read/1": ("presentation",)},
    "presentation.withdrawn/1": {"presentation.withdraw/1": ("presentation",)},
}
# Makers, firmware, and each connection of a device.
_ENROLMENT: Final[_Rows] = {
    "maker.trusted/1": {"maker.trust/1": ("maker", "name", "keys", "models")},
    "maker.distrusted/1": {"maker.distrust/1": ("maker",)},
    "firmware.allowed/1": {"firmware.allow/1": ("firmware", "maker", "model", "hash")},
    "firmware.withdrawn/1": {"firmware.withdraw/1": ("firmware",)},
    "device.enrolled/1": {"device.enrol/1": ("device", "maker", "owner", "document")},
    "device.challenged/1": {"device.challenge/1": ("device",)},
    "device.connected/1": {"device.connect/1": _CONNECTING},
    "device.connect-refused/1": {"device.connect/1": _CONNECTING},
    "device.quarantined/1": {"device.connect/1": ("device", "counter", "nonce")},
    "device.owner-changed/1": {"device.transfer-owner/1": ("device", "owner")},
    "device.revoked/1": {"device.revoke/1": ("device", "reason")},
    "device.shown/1": {"device.show/1": ("device",)},
}
# The rules of access. What they decide is the node's reading of them.
_POLICIES: Final[_Rows] = {
    "policy.changed/1": {"policy.set/1": ("policy", "slot", "policies")},
    "policy.shown/1": {"policy.show/1": ("access", "slot", "of")},
}
# Grants, who holds them, and what they are about.
_TOKENS: Final[_Rows] = {
    "token.minted/1": {"token.mint/1": (*_TERMS, "fact")},
    "token.delegated/1": {"token.delegate/1": (*_TERMS, "parent")},
    "token.accepted/1": {
        "token.accept/1": ("token",),
        "token.mint/1": ("token",),
        "token.delegate/1": ("token",),
    },
    "token.offered/1": {"token.transfer/1": ("token", "to")},
    "token.transferred/1": {"token.accept/1": ("token",)},
    "token.revoked/1": {"token.revoke/1": ("token",)},
    "token.renounced/1": {"token.renounce/1": ("token",)},
    "token.listed/1": {"token.list/1": ("access", "which")},
    "token.shown/1": {"token.show/1": _OF_TOKEN, "token.history/1": _OF_TOKEN},
    "token.refused/1": {
        f"token.{verb}/1": _OF_TOKEN
        for verb in ("mint", "delegate", "accept", "transfer", "revoke", "renounce")
    },
    "group.formed/1": {"group.form/1": ("group", "kind", "role")},
    "group.added/1": {
        "group.add/1": ("group", "member"),
        "invitation.redeem/1": ("member",),
        "invitation.accept/1": ("member",),
    },
    "group.removed/1": {"group.remove/1": ("group", "member")},
    "group.disbanded/1": {"group.disband/1": ("group",)},
    "group.shown/1": {"group.show/1": ("access", "group")},
    "dataset.defined/1": {"dataset.define/1": ("dataset", "members")},
    "dataset.extended/1": {"dataset.extend/1": ("dataset", "members")},
    "dataset.dissolved/1": {"dataset.dissolve/1": ("dataset",)},
}
# Contracts: their life, and calls. What a run came to is the node's word, and repeated from its documents.
_CONTRACTS: Final[_Rows] = {
    "contract.deployed/1": {"contract.deploy/1": ("contract", "manifest", "source")},
    "contract.upgraded/1": {"contract.upgrade/1": ("contract", "manifest", "source")},
    "contract.paused/1": {"contract.pause/1": ("contract", "reason")},
    "contract.resumed/1": {"contract.resume/1": ("contract",)},
    "contract.retired/1": {"contract.retire/1": ("contract", "reason")},
    "contract.called/1": {"contract.call/1": ("contract", "call", "name")},
    "contract.executed/1": _NOBODY,
    "contract.failed/1": _NOBODY,
    "trigger.skipped/1": _NOBODY,
    "effect.done/1": _NOBODY,
    "effect.refused/1": _NOBODY,
    "effect.dead/1": _NOBODY,
    "effect.retried/1": {"effect.retry/1": ("contract", "execution", "index")},
    "alert.raised/1": _NOBODY,
    "alert.acknowledged/1": {"alert.acknowledge/1": ("alert",)},
    "alert.listed/1": {"alert.list/1": ("contract", "which")},
}

# Messages. Which versions were delivered or read, and that a thread was only entered, is the node's reading.
_HEADER: Final = ("thread", "message", "envelope", "size", "recipients", "attachments")
_MESSAGES: Final[_Rows] = {
    "thread.opened/1": {"thread.open/1": ("thread", "subject", "members", "retention_days")},
    "thread.member-added/1": {"thread.add/1": ("thread", "actor", "role")},
    "thread.member-removed/1": {"thread.remove/1": ("thread", "actor")},
    "thread.member-left/1": {"thread.leave/1": ("thread",)},
    "thread.entered/1": {"thread.enter/1": ("thread",), "message.receive/1": ("thread",)},
    "thread.archived/1": {"thread.archive/1": ("thread",)},
    "thread.restored/1": {"thread.restore/1": ("thread",)},
    "thread.retention-set/1": {"thread.retain/1": ("thread", "retention_days")},
    "thread.hold-laid/1": {"thread.hold/1": ("thread", "hold")},
    "thread.hold-lifted/1": {"thread.lift-hold/1": ("thread", "hold")},
    "thread.exported/1": {"thread.export/1": ("thread",)},
    "message.sent/1": {"message.send/1": (*_HEADER, "urgency")},
    "message.edited/1": {"message.edit/1": (*_HEADER, "version")},
    "message.recalled/1": {"message.recall/1": ("thread", "message")},
    "message.delivered/1": {"message.receive/1": ("thread",)},
    "message.read/1": {"message.read/1": ("thread",)},
    "message.released/1": {"message.release/1": ("thread", "message")},
    "message.expired/1": _NOBODY,
    "monitor.declared/1": {"monitor.declare/1": ("monitor", "mode")},
    "monitor.dismissed/1": {"monitor.dismiss/1": ("monitor",)},
    "monitor.opened/1": {"monitor.open/1": ("monitor",)},
    "monitor.looked/1": {"monitor.look/1": ("thread", "messages")},
    "monitor.judged/1": {"monitor.judge/1": ("thread", "message", "version", "verdict", "codes", "rules")},
}

_EMERGENCIES: Final[_Rows] = {
    "break-glass.challenged/1": {"break-glass.challenge/1": ("access",)},
    "break-glass.opened/1": {"break-glass.open/1": ("break-glass", "target", "reason", "minutes")},
    "break-glass.closed/1": {"break-glass.close/1": ("break-glass",)},
    "break-glass.reviewed/1": {"break-glass.review/1": ("break-glass", "verdict")},
    "break-glass.acknowledged/1": {"break-glass.acknowledge/1": ("break-glass",)},
    "break-glass.forbidden/1": {"break-glass.forbid/1": ("access", "forbidden")},
    "break-glass.listed/1": {"break-glass.list/1": ("access",)},
    "break-glass.refused/1": {
        "break-glass.open/1": ("access", "break_glass"),
        "break-glass.close/1": ("access", "break_glass"),
        "break-glass.review/1": ("access", "break_glass"),
        "break-glass.acknowledge/1": ("access", "break_glass"),
    },
    "use.noted/1": {"use.note/1": ("access", "done", "purpose", "recipient")},
    "access-log.read/1": {"access-log.read/1": ("object", "visit", "actor", "since", "until")},
}

# Who looks at the log. What each page showed is the node's own word: it is asked for with a session.
_WATCHES: Final[_Rows] = {
    "audit.watch-opened/1": {"audit.watch/1": ("watch", "scope", "subject", "minutes", "live")},
    "audit.watch-ended/1": {"audit.end/1": ("watch",)},
    "audit.looked/1": _NOBODY,
}

CAUSES: Final[_Rows] = {
    **_VISITS,
    **_LIVES,
    **_MESSAGES,
    **_OBJECTS,
    **_LEDGERS,
    **_PASSKEYS,
    **_CREDENTIALS,
    **_PRESENTATIONS,
    **_ENROLMENT,
    **_POLICIES,
    **_TOKENS,
    **_EMERGENCIES,
    **_CONTRACTS,
    **_WATCHES,
}
"""Type of the entry: type of a command that may cause it: what both must say."""
