/**
 * How lost keys are replaced without the old ones (`docs/spec/actors.md`): what each actor said of it, and what is
 * under way. Begun by a guardian or with the recovery pair's statement; finished once enough guardians approved exactly
 * these keys, or the statement did, and the time to wait is over. Whatever the actor itself says of its keys ends it.
 */

import type { Pair } from "./body";
import { exactly, integerOf, isSamePair, pairOf } from "./body";
import type { Json, JsonObject } from "./json";
import { get, isArray, same, writeJson } from "./json";
import { readJws, verifyJws } from "./jws";
import type { VerifyKey } from "./keypair";
import { keyFromJwks } from "./keypair";
import type { Placed } from "./ledger";
import { parseId } from "./names";
import { refuse } from "./refusal";

const GUARDIANS_MAX = 16;
const THRESHOLD_MIN = 2;
const DAY_SECONDS = 86_400;
const WAIT_SECONDS_MAX = 30 * DAY_SECONDS;
const RECOVERY_MS_MAX = 60 * DAY_SECONDS * 1000;
const STATEMENT_FORMAT = "telesphor-recovery/1";
const STATEMENT_MEMBERS = ["format", "id", "keys", "jwks", "new", "kem", "node"];

/** How an actor wants to be recovered. */
export interface Plan {
  readonly guardians: readonly string[];
  readonly threshold: number;
  readonly recovery: VerifyKey | null;
  readonly waitMs: number;
}

/** A recovery that was begun: the proved keys, as they stand in its entry. */
export interface Begun {
  readonly key: VerifyKey;
  readonly jwks: Json;
  readonly kem: Json;
  readonly by: string;
  readonly begunMs: number;
}

interface Underway extends Begun {
  readonly stated: boolean;
  readonly approvals: Set<string>;
}

/** The plans and the recoveries under way of all actors; the keyring asks, in the ledger's order. */
export class Recoveries {
  private readonly plans = new Map<string, Plan>();
  private readonly underway = new Map<string, readonly Underway[]>();
  private readonly approved = new Map<string, Underway[]>();

  constructor(private readonly origin: string) {}

  isGuardian(guardian: string, of: string): boolean {
    return this.plans.get(of)?.guardians.includes(guardian) === true;
  }

  set(subject: string, placed: Placed): Plan {
    const plan = readPlan(subject, placed);
    this.plans.set(subject, plan);
    this.forget(subject);
    return plan;
  }

  begin(subject: string, begun: Begun, statement: Json, placed: Placed): void {
    const plan = this.planOf(subject, placed);
    const stated = statement !== null;
    if (stated) this.checkStatement(statement, plan, subject, begun, placed);
    else if (!plan.guardians.includes(begun.by)) bad(placed, "is a recovery begun by none of the guardians");
    const underway: Underway = { ...begun, stated, approvals: new Set() };
    const isReplaced = (other: Underway) =>
      other.by === begun.by || isSamePair(other.key.thumbprints, begun.key.thumbprints);
    const others = (this.underway.get(subject) ?? []).filter((other) => !isReplaced(other));
    this.underway.set(subject, [...others, underway]);
    if (!stated) this.noteApproval(underway, begun.by);
  }

  approve(subject: string, pair: Pair, placed: Placed): void {
    const guardian = placed.entry.actor;
    if (!this.isGuardian(guardian, subject)) bad(placed, "is a recovery approved by none of the guardians");
    this.noteApproval(this.find(subject, pair, placed), guardian);
  }

  /** Refuses unless exactly these keys were approved, and the time to wait is over. */
  finish(subject: string, body: JsonObject, placed: Placed): void {
    const plan = this.planOf(subject, placed);
    const [keys, kem] = [get(body, "keys") ?? null, get(body, "kem") ?? null];
    const found = this.find(subject, keyFromJwks(keys).thumbprints, placed);
    if (!same(found.jwks, keys) || !same(found.kem, kem)) bad(placed, "brings other keys than were approved");
    const approved = plan.threshold > 0 && found.approvals.size >= plan.threshold;
    if (!found.stated && !approved) bad(placed, "recovers without the approvals that it takes");
    if (placed.entry.atMs < found.begunMs + plan.waitMs) bad(placed, "did not wait as long as it must");
    this.forget(subject);
  }

  forget(subject: string): void {
    this.underway.delete(subject);
  }

  /** What this actor approved so far counts no more: its own keys were lost, or it was retired. */
  distrust(guardian: string): void {
    for (const { approvals } of this.approved.get(guardian) ?? []) approvals.delete(guardian);
    this.approved.delete(guardian);
  }

  private planOf(subject: string, placed: Placed): Plan {
    return this.plans.get(subject) ?? bad(placed, "recovers an actor that never said how");
  }

  private find(subject: string, pair: Pair, placed: Placed): Underway {
    const underway = this.underway.get(subject) ?? [];
    const found = underway.find((one) => isSamePair(one.key.thumbprints, pair));
    if (found === undefined || placed.entry.atMs > found.begunMs + RECOVERY_MS_MAX) {
      bad(placed, "is about a recovery that is not under way");
    }
    return found;
  }

  private noteApproval(underway: Underway, guardian: string): void {
    underway.approvals.add(guardian);
    this.approved.set(guardian, [...(this.approved.get(guardian) ?? []), underway]);
  }

  private checkStatement(statement: Json, plan: Plan, subject: string, begun: Begun, placed: Placed): void {
    if (plan.recovery === null) bad(placed, "brings a statement, but no pair was set for one");
    const payload = verifyJws(readJws(writeJson(statement)), plan.recovery);
    const said = exactly(payload, "a recovery statement", STATEMENT_MEMBERS);
    const expected = { format: STATEMENT_FORMAT, id: subject, kem: begun.kem, node: this.origin };
    const isAbout = Object.entries(expected).every(([name, value]) => same(get(said, name) ?? null, value));
    if (!isAbout || !isSamePair(pairOf(said, "new"), begun.key.thumbprints)) {
      bad(placed, "has a statement about something else");
    }
    if (!same(get(said, "jwks") ?? null, plan.recovery.jwks)) bad(placed, "has a statement of another pair");
  }
}

function readPlan(subject: string, placed: Placed): Plan {
  const members = ["guardians", "threshold", "recovery", "wait_seconds"];
  const body = exactly(placed.entry.body, "a recovery's settings", members);
  const [threshold, waitSeconds] = [integerOf(body, "threshold"), integerOf(body, "wait_seconds")];
  const guardians = get(body, "guardians");
  if (!isArray(guardians) || guardians.length > GUARDIANS_MAX) bad(placed, "does not name guardians");
  const named = new Set(guardians.filter((guardian) => typeof guardian === "string").map(parseId));
  if (named.size !== guardians.length || named.has(subject))
    bad(placed, "names guardians that are not distinct others");
  const isNobody = guardians.length === 0 && threshold === 0;
  if (!isNobody && (threshold < THRESHOLD_MIN || threshold > named.size)) {
    bad(placed, "lets a single guardian recover an actor");
  }
  if (waitSeconds > WAIT_SECONDS_MAX) bad(placed, "names a time that nobody can wait");
  const jwks = get(body, "recovery") ?? null;
  const recovery = jwks === null ? null : keyFromJwks(jwks);
  if (recovery !== null && recovery.suite !== "ACTOR") bad(placed, "sets a recovery pair of another suite");
  return { guardians: [...named], threshold, recovery, waitMs: waitSeconds * 1000 };
}

function bad(placed: Placed, reason: string): never {
  refuse("recovery-refused", `position ${placed.position} ${reason}`);
}
