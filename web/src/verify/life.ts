/**
 * Step 16: the visit was lived as its rules say (`docs/spec/verification.md`): nobody in the room before they were let in,
 * nothing recorded without the consent of everybody there, nothing after the end. The entries of the visit's stream are gone
 * through once, in their order; those that move nothing are passed over, and so is a visit without a life.
 *
 * Start at `checkLife`.
 */

import { integerOf, textOf } from "./body";
import { get, isArray } from "./json";
import type { Placed } from "./ledger";
import type { Subject } from "./manifest";
import { counted, refuse } from "./refusal";
import type { Proved } from "./report";
import { VISIT_CLOSED } from "./streams";

type State = "expected" | "checked-in" | "waiting" | "admitted" | "left" | "removed";

interface Seat {
  readonly role: string;
  state: State;
}

const PATIENT = "patient";
const CLINICIAN = "clinician";
const COLLEAGUE = "colleague";
const THIRD_PARTIES = ["interpreter", "caregiver"];
const INVITED_ROLES = [PATIENT, COLLEAGUE, ...THIRD_PARTIES];
const CONSENTS = ["visit", "recording", "sharing"];
const RETURNED = "visit.returned/1";
const STOPPED = "visit.recording-stopped/1";
const WITHDRAWN = "visit.consent-withdrawn/1";
/** Who has come, and is neither out nor yet to come. */
const PRESENT: readonly State[] = ["checked-in", "waiting", "admitted"];

/** The first entry that the rules forbid where it stands refuses, with the fault as its code and its position. */
export function checkLife(visit: readonly Placed[], subject: Subject): Proved<null> {
  if (subject.kind === "selection") {
    return { value: null, sentence: "somebody chose these entries; no order of a visit is claimed" };
  }
  if (!visit.some(({ entry }) => STEPS.has(entry.type))) {
    return { value: null, sentence: "nobody's steps in the visit are shown" };
  }
  const [opened, ...rest] = visit as [Placed, ...Placed[]];
  const life = new Life(textOf(opened.entry.body, PATIENT), textOf(opened.entry.body, CLINICIAN));
  for (const placed of rest) life.take(placed);
  const sentence = `the visit's ${counted(life.steps, "step")} follow one another as the rules of visits say`;
  return { value: null, sentence };
}

/** The visit after the entries so far. */
class Life {
  steps = 0;
  private phase: "before" | "underway" | "ended" = "before";
  /** It was scheduled, begun or ended, so that it must end before it is closed. */
  private led = false;
  private readonly seats = new Map<string, Seat>();
  /** `actor consent`. */
  private readonly consents = new Set<string>();
  private running: { readonly object: string; readonly maker: string } | null = null;
  /** The number of the last key that each participant made. */
  private readonly epochs = new Map<string, number>();
  /** Who must go back to the lobby at once, because a consent was taken back. */
  private readonly out = new Set<string>();

  constructor(
    private readonly patient: string,
    private readonly clinician: string,
  ) {
    this.seats.set(patient, { role: PATIENT, state: "expected" });
    this.seats.set(clinician, { role: CLINICIAN, state: "expected" });
  }

  take(placed: Placed): void {
    const { type } = placed.entry;
    this.checkSettled(placed);
    const step = STEPS.get(type);
    if (step !== undefined) {
      if (this.phase === "ended" && type !== WITHDRAWN) {
        no("visit-ended", placed, "the visit's life goes on after it has ended");
      }
      this[step](placed);
      this.steps += 1;
    } else if (type === VISIT_CLOSED && this.led && this.phase !== "ended") {
      no("visit-not-ended", placed, "the visit is closed, and had not ended");
    }
  }

  schedule(placed: Placed): void {
    if (this.phase !== "before") no("visit-underway", placed, "a visit that has begun is given another time");
    this.led = true;
  }

  invite(placed: Placed): void {
    const { body } = placed.entry;
    const [participant, role] = [textOf(body, "participant"), textOf(body, "role")];
    const seat = this.seats.get(participant);
    if (!INVITED_ROLES.includes(role) || (role === PATIENT) !== (participant === this.patient)) {
      no("not-a-participant", placed, "somebody is invited as what they are not");
    }
    if (seat === undefined || seat.state === "removed") {
      this.seats.set(participant, { role, state: "expected" });
    } else if (role !== PATIENT) no("participant-exists", placed, "somebody is given a second seat");
  }

  checkIn(placed: Placed): void {
    const seat = this.seat(placed.entry.actor, placed);
    if (seat.role === CLINICIAN) no("not-a-participant", placed, "the visit's clinician checks in");
    if (seat.state === "admitted") no("already-admitted", placed, "somebody checks in who is in the room");
    if (seat.state !== "waiting") seat.state = "checked-in";
  }

  wait(placed: Placed): void {
    const seat = this.seat(placed.entry.actor, placed);
    if (seat.state === "waiting") no("already-waiting", placed, "somebody waits twice");
    if (seat.state === "admitted") no("already-admitted", placed, "somebody waits who is in the room");
    if (seat.state !== "checked-in") no("not-checked-in", placed, "somebody waits who has not checked in");
    seat.state = "waiting";
  }

  begin(placed: Placed): void {
    if (placed.entry.actor !== this.clinician) {
      no("not-a-participant", placed, "somebody else than its clinician begins the visit");
    }
    const seat = this.seat(this.clinician, placed);
    if (seat.state === "admitted") no("already-admitted", placed, "the visit's clinician comes in twice");
    seat.state = "admitted";
    this.phase = "underway";
    this.led = true;
  }

  admit(placed: Placed): void {
    this.checkUnderway(placed);
    this.checkClinical(placed, true);
    const seat = this.named(placed);
    if (seat.state === "admitted") no("already-admitted", placed, "somebody is let in who is in the room");
    if (seat.state !== "waiting") no("not-waiting", placed, "somebody is let in who does not wait");
    const needed = seat.role === PATIENT ? "visit" : THIRD_PARTIES.includes(seat.role) ? "sharing" : null;
    if (needed !== null && !this.consents.has(`${this.patient} ${needed}`)) {
      no("consent-missing", placed, `somebody is let in without the consent to \`${needed}\``);
    }
    seat.state = "admitted";
  }

  sendBack(placed: Placed): void {
    this.checkUnderway(placed);
    if (!this.out.delete(textOf(placed.entry.body, "participant"))) this.checkClinical(placed, false);
    const seat = this.named(placed);
    if (seat.state !== "admitted") no("not-in-room", placed, "somebody is sent back who is not in the room");
    seat.state = "waiting";
  }

  remove(placed: Placed): void {
    this.checkClinical(placed, false);
    this.named(placed).state = "removed";
  }

  leave(placed: Placed): void {
    const seat = this.seat(placed.entry.actor, placed);
    if (!PRESENT.includes(seat.state)) {
      no("not-in-room", placed, "somebody leaves who is neither in the room nor waits");
    }
    seat.state = "left";
  }

  end(placed: Placed): void {
    if (this.running !== null) no("recording-running", placed, "the visit ends under a recording that runs");
    if ((textOf(placed.entry.body, "outcome") === "completed") !== (this.phase === "underway")) {
      no("outcome-refused", placed, "the visit does not end as one of its kind does");
    }
    for (const seat of this.seats.values()) if (PRESENT.includes(seat.state)) seat.state = "left";
    this.phase = "ended";
    this.led = true;
  }

  consent(placed: Placed): void {
    const consent = consentOf(placed);
    const seat = this.seat(placed.entry.actor, placed);
    if (consent !== "recording" && seat.role !== PATIENT) {
      no("consent-not-theirs", placed, `the consent to \`${consent}\` is not the patient's`);
    }
    this.consents.add(`${placed.entry.actor} ${consent}`);
  }

  withdraw(placed: Placed): void {
    const consent = consentOf(placed);
    if (!this.consents.delete(`${placed.entry.actor} ${consent}`)) {
      no("consent-missing", placed, `a consent to \`${consent}\` is taken back, and none stands`);
    }
    const leaving = consent === "visit" ? [PATIENT] : consent === "sharing" ? THIRD_PARTIES : [];
    for (const [actor, { role, state }] of this.seats) {
      if (state === "admitted" && leaving.includes(role)) this.out.add(actor);
    }
  }

  record(placed: Placed): void {
    this.checkClinical(placed, true);
    if (this.running !== null) no("recording-running", placed, "a second recording begins");
    if (!this.allConsent()) {
      no("recording-not-permitted", placed, "a recording begins without the consent of everybody there");
    }
    this.running = { object: textOf(placed.entry.body, "object"), maker: placed.entry.actor };
  }

  stop(placed: Placed): void {
    if (this.running === null || this.running.object !== textOf(placed.entry.body, "object")) {
      no("not-recording", placed, "a recording stops that does not run");
    }
    this.running = null;
  }

  openEpoch(placed: Placed): void {
    const { actor: maker, body } = placed.entry;
    if (this.seat(maker, placed).state !== "admitted") {
      no("not-in-room", placed, "somebody makes a key of the room who is not in it");
    }
    const [named, epoch] = [get(body, "participants"), integerOf(body, "epoch")];
    const room = this.room();
    const isOfRoom = isArray(named) && named.every((one) => typeof one === "string" && room.includes(one));
    if (!isOfRoom || !named.includes(maker)) {
      no("epoch-refused", placed, "a key of the room is for others than those in it");
    }
    if (epoch <= (this.epochs.get(maker) ?? 0)) {
      no("epoch-refused", placed, "the number of somebody's key does not rise");
    }
    this.epochs.set(maker, epoch);
  }

  /** Who somebody is was asked: it moves nobody, and is done while the visit lives. */
  look(): void {
    return;
  }

  /** What must follow at once has followed: who may not stay is out, and what may not be recorded is not. */
  private checkSettled(placed: Placed): void {
    const { type } = placed.entry;
    if (this.out.size > 0 && type !== RETURNED) {
      no("consent-missing", placed, "somebody is in the room whose consent was taken back");
    }
    if (this.running === null || type === STOPPED || type === RETURNED) return;
    if (!this.room().includes(this.running.maker)) {
      no("recording-not-permitted", placed, "a recording runs on without whoever records");
    }
    if (!this.allConsent()) {
      no("recording-not-permitted", placed, "a recording runs on without everybody's consent");
    }
  }

  private room(): readonly string[] {
    return [...this.seats].filter(([, { state }]) => state === "admitted").map(([actor]) => actor);
  }

  private allConsent(): boolean {
    return this.room().every((actor) => this.consents.has(`${actor} recording`));
  }

  private seat(actor: string, placed: Placed): Seat {
    const seat = this.seats.get(actor);
    if (seat === undefined)
      no("not-a-participant", placed, "somebody takes part who has no seat in the visit");
    if (seat.state === "removed") no("participant-removed", placed, "somebody takes part who was removed");
    return seat;
  }

  /** The seat of whom the entry names; nobody moves the visit's clinician. */
  private named(placed: Placed): Seat {
    const seat = this.seat(textOf(placed.entry.body, "participant"), placed);
    if (seat.role === CLINICIAN) no("not-a-participant", placed, "somebody else moves the visit's clinician");
    return seat;
  }

  /** The entry's actor is the visit's clinician, or a colleague in the room. */
  private checkClinical(placed: Placed, inRoom: boolean): void {
    const { role, state } = this.seat(placed.entry.actor, placed);
    const must = inRoom || role !== CLINICIAN;
    if (![CLINICIAN, COLLEAGUE].includes(role) || (must && state !== "admitted")) {
      no("not-a-participant", placed, "it takes a clinician who is in the room");
    }
  }

  private checkUnderway(placed: Placed): void {
    if (this.phase !== "underway") {
      no("visit-not-begun", placed, "somebody is let in or out before the visit has begun");
    }
  }
}

type StepName =
  | "schedule"
  | "invite"
  | "checkIn"
  | "wait"
  | "begin"
  | "admit"
  | "sendBack"
  | "remove"
  | "leave"
  | "end"
  | "look"
  | "consent"
  | "withdraw"
  | "record"
  | "stop"
  | "openEpoch";

/** What each type does to the visit; all others move nothing. */
const STEPS: ReadonlyMap<string, StepName> = new Map<string, StepName>([
  ["visit.scheduled/1", "schedule"],
  ["visit.invited/1", "invite"],
  ["visit.checked-in/1", "checkIn"],
  ["visit.waiting/1", "wait"],
  ["visit.begun/1", "begin"],
  ["visit.admitted/1", "admit"],
  [RETURNED, "sendBack"],
  ["visit.removed/1", "remove"],
  ["visit.left/1", "leave"],
  ["visit.ended/1", "end"],
  ["visit.identity-presented/1", "look"],
  ["visit.identity-confirmed/1", "look"],
  ["visit.consent-given/1", "consent"],
  [WITHDRAWN, "withdraw"],
  ["visit.recording-started/1", "record"],
  [STOPPED, "stop"],
  ["visit.epoch-opened/1", "openEpoch"],
]);

function consentOf(placed: Placed): string {
  const consent = textOf(placed.entry.body, "consent");
  if (!CONSENTS.includes(consent))
    no("visit-order-refused", placed, "a consent is to nothing that is known here");
  return consent;
}

function no(code: string, { position }: Placed, what: string): never {
  refuse(code, `position ${position}: ${what}`, position);
}
