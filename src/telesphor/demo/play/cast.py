"""Who is played: the parts, and the people of one round with their links.

Start at `Round`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """What somebody is in the play; in the order in which the page shows them."""

    CLINICIAN = "clinician"
    PATIENT = "patient"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


ROLES: Final = {
    Part.CLINICIAN: "clinician",
    Part.AUDITOR: "privacy-officer",
    Part.ADMINISTRATOR: "administrator",
}
"""The role that each gets with its keys; a patient has none."""

NAMES: Final = {
    Part.CLINICIAN: "Dr. Adaeze Osei",
    Part.PATIENT: "Peter Chalmers",
    Part.AUDITOR: "Mirja Lindqvist",
    Part.ADMINISTRATOR: "Tomas Reyes",
}
"""Names to go by; whoever plays may take another. The patient's is that of the record, an official FHIR example."""


@dataclass(frozen=True)
class Link:
    """One link: the invitation, and the path behind `#` that holds its code."""

    invitation: str
    place: str


@dataclass(frozen=True)
class Guest:
    """Somebody who is played: the id that the new keys will have, and the link by which they come.

    Attributes:
        taken: whether the link was used.
    """

    part: Part
    actor: str
    link: Link
    taken: bool = False


@dataclass(frozen=True)
class Round:
    """The people of one round.

    Attributes:
        visit: their visit, once it is scheduled.
        ready: what was done for them by now, such as `record` and `device`.
        fault: the code of a refusal of something that was to be done for them.
    """

    number: int
    guests: tuple[Guest, ...]
    visit: str | None = None
    ready: tuple[str, ...] = ()
    fault: str = ""

    def guest(self, part: Part) -> Guest:
        """Whoever plays a part."""
        return next(guest for guest in self.guests if guest.part is part)
