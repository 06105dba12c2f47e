"""The ways through the app that several tests go: planning a visit, inviting, checking in, being let in.

Everything is done by what is on the screen, in English. Start at `plan_visit` and `check_in`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tests.e2e.browser.house import Person

ENCRYPTED: Final = "End-to-end encrypted, quantum-safe."
LINK: Final = re.compile(r"http://\S+/#/join/\S+")


def plan_visit(doctor: Person, *, look: bool = False) -> str:
    """The clinician makes a visit for now, of somebody new; the link to send."""
    doctor.button(re.compile("Dr")).wait_for()  # Signed in: the name stands in the header.
    doctor.page.goto(f"{doctor.house.node.url}/#/clinician")
    doctor.button("New visit").wait_for()
    if look:
        doctor.look("clinician-empty-day")
    doctor.press("New visit")
    dialog = doctor.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make the link").wait_for()
    if look:
        doctor.look("clinician-new-visit")
    return make_link(doctor)


def invite(doctor: Person, role: str, name: str) -> str:
    """The clinician invites somebody to the visit that is shown; the link."""
    doctor.press("Invite somebody")
    dialog = doctor.page.get_by_role("dialog")
    dialog.get_by_text(role, exact=True).click()
    dialog.get_by_label("Name", exact=True).fill(name)
    return make_link(doctor)


def make_link(doctor: Person) -> str:
    """Press the dialog's button, and read what is to be sent."""
    dialog = doctor.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make the link").click()
    shown = dialog.get_by_text(LINK)
    shown.wait_for()
    link = LINK.search(shown.inner_text())
    assert link is not None
    dialog.get_by_role("button", name="Done").click()
    dialog.wait_for(state="hidden")
    return link.group()


def check_in(person: Person, *consents: str, look: bool = False) -> None:
    """Device test, consents one by one, identity, and the waiting room."""
    seen = person.look if look else _pass
    person.button("Test camera and microphone").wait_for()
    seen("patient-device-test")
    person.press("Test camera and microphone")
    person.button("Looks and sounds good, go on").wait_for()
    seen("patient-device-tested")
    person.press("Looks and sounds good, go on")
    person.button("Yes, I agree").wait_for()
    seen("patient-consents")
    for kind in consents:
        card = consent_card(person, kind)
        card.get_by_role("button", name="Yes, I agree").click()
        card.get_by_text("You agreed").wait_for()
    person.press("Go on")
    person.button("Enter the waiting room").wait_for()
    seen("patient-identity")
    person.press("Enter the waiting room")
    person.page.get_by_role("heading", name="Waiting room").wait_for()
    seen("patient-waiting")


def admit(doctor: Person, first: str, *others: str) -> None:
    """The clinician goes in with the patient, and lets in who waits at the door."""
    doctor.press(f"Admit {first}")
    for name in others:
        waiter = doctor.page.locator("[role=status] > div").filter(has_text=name)
        waiter.get_by_role("button", name="Let in").click()
        waiter.wait_for(state="detached")


def consent_card(person: Person, kind: str) -> Any:
    """The card of one consent."""
    return person.page.locator(f"section[aria-labelledby=consent-{kind}]")


def _pass(_screen: str) -> None:
    """Look at nothing."""
