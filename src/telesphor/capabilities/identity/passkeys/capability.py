"""What passkeys hand to the node: their entries, commands and tables. `RECORDED` is the part that decides nothing."""

from __future__ import annotations

from telesphor.capabilities.identity.passkeys import service
from telesphor.capabilities.identity.passkeys.entries import ENTRIES
from telesphor.capabilities.identity.passkeys.model import RelyingParty
from telesphor.capabilities.identity.passkeys.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "passkeys"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def passkeys_capability(party: RelyingParty) -> Capability:
    """Make the capability for a node whose browsers know it as `party`."""
    desk = service.PasskeyDesk(party)
    commands = (
        CommandType("passkey.challenge/1", service.AskChallenge, desk.ask_challenge),
        CommandType(
            "passkey.register/1", service.RegisterPasskey, desk.register_passkey, desk.prepare_registration
        ),
        CommandType("passkey.sign-in/1", service.SignIn, desk.sign_in, desk.prepare_sign_in),
        CommandType("passkey.remove/1", service.RemovePasskey, desk.remove_passkey),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
