"""Who is staff: by the rules that ship, a person opens visits that has the role of a clinician.

`appointment` makes somebody one at a node; `ALL_CLINICIANS` takes everybody for one, for tests of other things.
"""

from __future__ import annotations

from typing import Final

from telesphor.capabilities.access.sources import Sources
from telesphor.client.requests import Command
from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import State


def appointment(ids: IdSource, *people: str, role: str = "clinician") -> tuple[Command, ...]:
    """The commands by which an organisation forms a role and gives it to people."""
    group = ids.next()
    formed: Command = ("group.form/1", {"group": group, "kind": "role", "role": role})
    added: list[Command] = [("group.add/1", {"group": group, "member": person}) for person in people]
    return formed, *added


def _clinician(_state: State, _actor: str) -> tuple[str, ...]:
    return ("clinician",)


ALL_CLINICIANS: Final = Sources(roles_of=_clinician, steady_roles_of=_clinician)
"""What decisions are told where everybody has that role, and nothing besides."""
