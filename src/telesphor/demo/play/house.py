"""The clinic before anybody comes: its staff, its groups and rules, and the compliance monitor.

Who is here has keys in this process: the organisation, a colleague of whoever is played as the clinician, a doctor on
call who has no part in the patient's care, another patient who comes later today, and the monitor. Start at
`open_house`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from typing import Final

from telesphor.capabilities.identity.credentials.entries import ISSUER_TRUSTED, STATUS_LIST_OPENED
from telesphor.capabilities.identity.credentials.model import Group
from telesphor.capabilities.identity.enrolment.model import FileHash
from telesphor.client.issuing import Issuer, IssuerClient
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.demo.enrolment import CLINIC_RULES, Maker, make_maker, trust_commands
from telesphor.demo.play.cast import ROLES, Part
from telesphor.demo.play.naming import name_people
from telesphor.demo.stage import CLINIC, ORIGIN
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.ids import IdSource, parse_stream
from telesphor.ledger.entries import EntryReader, RecordedEntry

NAMES: Final = {
    "organisation": CLINIC,
    "monitor": "Riverside compliance monitor",
    "colleague": "Dr. Ines Brandt",
    "on_call": "Dr. Karim Haddad",
    "visitor": "Grace Okafor",
}

CARE_TEAM: Final = "care-team"
GROUP: Final[Group] = "identity"
"""What the clinic issues credentials of."""

MAKER: Final = "clip-works.example"
MODEL: Final = "Pulse Clip 3"

ADMINISTRATORS: Final = """\
@id("administrators")
permit (principal, action == Telesphor::Action::"administer", resource is Telesphor::Organisation)
when { principal.roles.contains("administrator") };
"""
"""The clinic's own rule: who has the role of an administrator sees how the node is run."""


@dataclass(frozen=True)
class Reach:
    """How the node is reached, and what everybody here needs."""

    url: str
    ledger: Callable[[], EntryReader]
    clock: Clock
    ids: IdSource

    def client(self, wallet: Wallet) -> IssuerClient:
        """Somebody's connection; it is opened by `async with`."""
        return IssuerClient(self.url, wallet, origin=ORIGIN, clock=self.clock, ids=self.ids)

    def find(self, stream: str, *types: str) -> RecordedEntry | None:
        """The newest entry of a stream that is of one of these types, if there is one."""
        with closing(self.ledger()) as reader:
            return next((entry for entry in reversed(reader.stream(stream)) if entry.type in types), None)

    def instant(self, ahead_ms: int) -> str:
        """So many milliseconds from now."""
        return format_instant(self.clock.now_ms() + ahead_ms)


@dataclass(frozen=True, kw_only=True)
class House:
    """The clinic.

    Attributes:
        monitor: the keys of the process that reads messages along.
        visitor: the other patient, who never comes.
        groups: ids of the groups that people join, by role, and of the care team.
        issuer: the clinic as who issues credentials.
        maker: who certifies the patients' devices.
        firmware: what these run.
    """

    reach: Reach
    organisation: IssuerClient
    colleague: IssuerClient
    on_call: IssuerClient
    monitor: Wallet
    visitor: str
    groups: dict[str, str]
    issuer: Issuer
    maker: Maker
    firmware: FileHash


async def open_house(reach: Reach, organisation: Wallet, firmware: FileHash, stack: AsyncExitStack) -> House:
    """Register the staff, form the groups, set the rules, trust the devices' maker, declare the monitor.

    Args:
        organisation: is registered already.
        stack: closes the connections.

    Raises:
        ClientRefused, NodeUnreachable
    """
    ids = reach.ids
    colleague, on_call, visitor = (Wallet.create(kind="person", ids=ids) for _ in range(3))
    monitor = Wallet.create(kind="system", ids=ids)
    maker = make_maker(ids, name=MAKER, model=MODEL)
    groups = {name: ids.next() for name in (CARE_TEAM, *ROLES.values())}
    own = await stack.enter_async_context(reach.client(organisation))
    await own.register(colleague, on_call, visitor, monitor)
    await own.send(
        *_form(groups, colleague.actor, on_call.actor),
        *trust_commands(maker, firmware, ids),
        ("policy.set/1", {"slot": "rules", "policies": CLINIC_RULES + ADMINISTRATORS}),
        ("monitor.declare/1", {"monitor": monitor.actor, "mode": "screen"}),
    )
    people = {"organisation": organisation, "monitor": monitor, "visitor": visitor}
    people |= {"colleague": colleague, "on_call": on_call}
    await name_people(reach.url, own, {one.actor: NAMES[part] for part, one in people.items()})
    return House(
        reach=reach,
        organisation=own,
        colleague=await stack.enter_async_context(reach.client(colleague)),
        on_call=await stack.enter_async_context(reach.client(on_call)),
        monitor=monitor,
        visitor=visitor.actor,
        groups=groups,
        issuer=await find_issuer(own, reach),
        maker=maker,
        firmware=firmware,
    )


def _form(groups: dict[str, str], colleague: str, on_call: str) -> tuple[Command, ...]:
    """The groups; the colleague is in the care team, the doctor on call is not."""
    clinicians = groups[ROLES[Part.CLINICIAN]]
    members = ((groups[CARE_TEAM], colleague), (clinicians, colleague), (clinicians, on_call))
    formed = (("group.form/1", _group(name, id)) for name, id in groups.items())
    added = (("group.add/1", {"group": group, "member": member}) for group, member in members)
    return *formed, *added


def _group(name: str, id: str) -> dict[str, str | None]:
    if name == CARE_TEAM:
        return {"group": id, "kind": "care-team", "role": None}
    return {"group": id, "kind": "role", "role": name}


async def find_issuer(organisation: IssuerClient, reach: Reach) -> Issuer:
    """The clinic as an issuer; the one that it is already, where the demonstration's story made it one."""
    with closing(reach.ledger()) as reader:
        types = (ISSUER_TRUSTED.name, STATUS_LIST_OPENED.name)
        entries = list(reader.entries_of(types, first=0, end=reader.size()))
    own = organisation.wallet.actor
    trusted = next((one for one in entries if one.type == types[0] and one.body.actor == own), None)
    if trusted is None:
        return await organisation.become_issuer([GROUP])
    issuer = parse_stream(trusted.stream)[1]
    opened = next(one for one in entries if one.type == types[1] and one.body.issuer == issuer)
    status_list = parse_stream(opened.stream)[1]
    return Issuer(
        format="telesphor-issuer/1",
        did=trusted.body.did,
        issuer=issuer,
        status_list=status_list,
        list_uri=await organisation.list_uri(status_list),
    )
