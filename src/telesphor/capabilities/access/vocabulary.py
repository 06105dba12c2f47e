"""The words of policies: the Cedar schema that every policy, entity and request is checked against, and the base.

Both are Cedar text, and both are documents of each decision, by digest. A change of either is another
digest; decisions made under the old text replay under the old text.

What is always present is typed as such; everything else is optional, so that a policy that does not ask
`has` first is refused when it is set, not when somebody needs an answer.
"""

from __future__ import annotations

from typing import Final

NAMESPACE: Final = "Telesphor"
TOKEN_PREFIX: Final = "token:"  # noqa: S105  it begins the `@id` of a policy

BROKEN_GLASS: Final = "base:broken-glass"
"""The shipped policy that permits by an emergency access."""

ACTION_GROUPS: Final = ("release",)
"""Actions of the schema that stand for several."""

SCHEMA_TEXT: Final = """\
namespace Telesphor {
  // A care team or another group of actors.
  entity Group;

  // Whoever acts: kind is person, system, device, organisation or node.
  entity Actor in [Group] { kind: String, roles: Set<String> };

  // Objects, visits and devices that one grant is about.
  entity Dataset;

  entity Visit in [Dataset] { owner?: Actor, subject?: Actor, readers?: Set<Actor> };
  entity Object in [Dataset, Visit] { owner?: Actor, subject?: Actor, readers?: Set<Actor> };
  entity Device in [Dataset] { owner?: Actor, subject?: Actor, readers?: Set<Actor> };
  entity Contract in [Dataset] { owner?: Actor, subject?: Actor, readers?: Set<Actor> };
  // Messages between some people; its readers are these and the monitor.
  entity Thread in [Dataset] { owner?: Actor, subject?: Actor, readers?: Set<Actor> };
  // Everything that is about one person.
  entity Record { owner?: Actor, subject?: Actor, readers?: Set<Actor> };
  entity Log { owner?: Actor, subject?: Actor, readers?: Set<Actor> };
  entity Organisation { owner?: Actor, subject?: Actor, readers?: Set<Actor> };

  type Situation = {
    // Milliseconds since 1970 UTC, and the same instant for rules about hours and days.
    now: Long,
    at: datetime,
    // treatment, payment, operations, patient-request or emergency.
    purpose?: String,
    // Factors that an issuer vouches for, as group.name=value; those that the actor says of itself stand apart.
    factors: Set<String>,
    self_declared: Set<String>,
    // key: a signature alone; passkey: the person also signed in by passkey shortly before.
    assurance: String,
    // Where the actor says it is. A claim, not a proof.
    location?: String,
    visit?: Visit,
    // The last good connection, where the actor is a device.
    device?: { owner: Actor, model: String, firmware: String, connected_at: Long, channel: String },
    // Access in an emergency, of reads only: which one, under which reason, until when, whether the person proved
    // itself anew for it, and whether by passkey.
    break_glass?: { id: String, reason: String, until: Long, reauthenticated: Bool, passkey: Bool },
  };

  // Whatever lets content leave the node.
  action "release";
  action "read", "export", "print", "share" in ["release"]
    appliesTo { principal: [Actor], resource: [Object, Visit, Device, Contract, Thread], context: Situation };
  action "read-log" in ["release"]
    appliesTo { principal: [Actor], resource: [Log, Organisation], context: Situation };
  action "create", "change", "erase", "grant", "record"
    appliesTo {
      principal: [Actor],
      resource: [Object, Visit, Device, Contract, Thread, Organisation],
      context: Situation,
    };
  action "connect" appliesTo { principal: [Actor], resource: [Device, Organisation], context: Situation };
  action "open-visit", "close-visit"
    appliesTo { principal: [Actor], resource: [Visit, Organisation], context: Situation };
  action "break-glass"
    appliesTo { principal: [Actor], resource: [Object, Visit, Device, Record], context: Situation };
  action "run-contract" appliesTo { principal: [Actor], resource: [Contract], context: Situation };
  action "administer"
    appliesTo {
      principal: [Actor],
      resource: [Object, Visit, Device, Contract, Thread, Log, Organisation],
      context: Situation,
    };
}
"""

BASE_TEXT: Final = """\
// What holds where the organisation sets nothing else. Permits only: what is not named here is denied.

@id("base:owner")
permit (
  principal,
  action in [
    Telesphor::Action::"read", Telesphor::Action::"export", Telesphor::Action::"print", Telesphor::Action::"share",
    Telesphor::Action::"create", Telesphor::Action::"change", Telesphor::Action::"erase", Telesphor::Action::"grant",
    Telesphor::Action::"record", Telesphor::Action::"run-contract", Telesphor::Action::"close-visit"
  ],
  resource
) when { resource has owner && resource.owner == principal };

@id("base:subject")
permit (
  principal,
  action in [
    Telesphor::Action::"read", Telesphor::Action::"export", Telesphor::Action::"print", Telesphor::Action::"share",
    Telesphor::Action::"grant", Telesphor::Action::"read-log"
  ],
  resource
) when { resource has subject && resource.subject == principal };

@id("base:reader")
permit (principal, action == Telesphor::Action::"read", resource is Telesphor::Object)
when { resource has readers && resource.readers.contains(principal) };

@id("base:custodian")
permit (
  principal,
  action in [
    Telesphor::Action::"change", Telesphor::Action::"erase", Telesphor::Action::"grant", Telesphor::Action::"administer"
  ],
  resource
) when { ["organisation", "node"].contains(principal.kind) };

@id("base:participant")
permit (
  principal,
  action in [
    Telesphor::Action::"read", Telesphor::Action::"export", Telesphor::Action::"record",
    Telesphor::Action::"change", Telesphor::Action::"close-visit"
  ],
  resource is Telesphor::Visit
) when { resource has readers && resource.readers.contains(principal) };

@id("base:correspondent")
permit (
  principal,
  action in [
    Telesphor::Action::"read", Telesphor::Action::"export", Telesphor::Action::"record", Telesphor::Action::"change"
  ],
  resource is Telesphor::Thread
) when { resource has readers && resource.readers.contains(principal) };

@id("base:thread-of-the-organisation")
permit (principal, action == Telesphor::Action::"export", resource is Telesphor::Thread)
when { principal.kind == "organisation" };

@id("base:visit-of-the-organisation")
permit (
  principal,
  action in [Telesphor::Action::"read", Telesphor::Action::"export", Telesphor::Action::"close-visit"],
  resource is Telesphor::Visit
) when { principal.kind == "organisation" };

@id("base:visit-opened")
permit (principal, action == Telesphor::Action::"open-visit", resource)
when {
  ["system", "organisation"].contains(principal.kind)
  || (principal.kind == "person" && principal.roles.contains("clinician"))
};

@id("base:measured")
permit (principal, action == Telesphor::Action::"record", resource is Telesphor::Organisation)
when { ["device", "system"].contains(principal.kind) };

@id("base:proof-shown")
permit (principal, action == Telesphor::Action::"create", resource is Telesphor::Organisation)
when { ["person", "system", "organisation"].contains(principal.kind) };

@id("base:handed-on")
permit (principal, action == Telesphor::Action::"grant", resource is Telesphor::Organisation)
when { ["person", "system", "organisation"].contains(principal.kind) };

// A mirror says what for; whoever looks at the log does not, and needs one of the rules below.
@id("base:mirrored")
permit (principal, action == Telesphor::Action::"read-log", resource is Telesphor::Organisation)
when {
  ["system", "organisation"].contains(principal.kind) && context has purpose && context.purpose == "operations"
};

@id("base:connected")
permit (principal, action == Telesphor::Action::"connect", resource)
when { principal.kind == "device" };

@id("base:log-of-the-organisation")
permit (principal, action == Telesphor::Action::"read-log", resource)
when { principal.kind == "organisation" || principal.roles.contains("privacy-officer") };

@id("base:contract-run")
permit (principal, action == Telesphor::Action::"run-contract", resource)
when { ["person", "system", "device", "organisation", "node"].contains(principal.kind) };

@id("base:broken-glass")
permit (principal, action in [Telesphor::Action::"break-glass", Telesphor::Action::"read"], resource)
when {
  principal.kind == "person" && principal.roles.contains("clinician")
  && context has purpose && context.purpose == "emergency"
  && context has break_glass && context.break_glass.reauthenticated && context.now < context.break_glass.until
};
"""
