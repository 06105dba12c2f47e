/**
 * Who holds which keys, as it stands after each entry: registered, rotated, lost, recovered, retired
 * (`docs/spec/verification.md`, step 12). Nobody gets keys here without proof that they hold them: a card, signed by the
 * keys themselves. Start at `Keyring`.
 */

import { checkKem, exactly, isSamePair, pairOf, textOf } from "./body";
import type { Json, JsonObject } from "./json";
import { get, hasExactly, same, writeJson } from "./json";
import { readJws, verifyJws } from "./jws";
import type { VerifyKey } from "./keypair";
import { keyFromJwks } from "./keypair";
import type { Genesis, Placed } from "./ledger";
import { actorOf } from "./ledger";
import { Recoveries } from "./recovering";
import { refuse } from "./refusal";
import type { Request } from "./request";

const CARD_FORMAT = "telesphor-card/1";
const CARD_MEMBERS = ["format", "id", "kind", "keys", "jwks", "kem", "node"];
const KINDS = ["person", "system", "device", "organisation"];
const REGISTRARS = ["node", "organisation"];
const LOSSES = ["lost", "stolen", "disclosed"];

/** An actor with the keys it has at this point of the ledger. */
export interface Holder {
  readonly id: string;
  readonly kind: string;
  readonly key: VerifyKey;
  readonly suspended: boolean;
  readonly retired: boolean;
}

type Change = (subject: string, placed: Placed, request: Request) => void;

/** Whether an entry changes who holds which keys. */
export function isAboutKeys(placed: Placed): boolean {
  return CHANGES.includes(placed.entry.type);
}

/** The holders, from genesis on; `apply` takes the entries in the ledger's order. */
export class Keyring {
  private readonly holders = new Map<string, Holder>();
  private readonly recoveries: Recoveries;
  /** Thumbprints of all keys that are, or once were, an actor's. */
  private readonly halves = new Set<string>();
  private readonly changes: ReadonlyMap<string, Change>;

  constructor(
    { root, node }: Genesis,
    private readonly origin: string,
  ) {
    this.recoveries = new Recoveries(origin);
    for (const [founder, kind] of [[root, "root"] as const, [node, "node"] as const]) {
      this.hold({ id: founder.id, kind, key: founder.key, suspended: false, retired: false });
      this.takeHalves(founder.key);
    }
    const changes: readonly Change[] = [
      (...of) => this.register(...of),
      (...of) => this.rotate(...of),
      (...of) => this.suspend(...of),
      (...of) => this.recover(...of),
      (...of) => this.retire(...of),
      (...of) => this.setRecovery(...of),
      (...of) => this.beginRecovery(...of),
      (...of) => this.approveRecovery(...of),
      (...of) => this.cancelRecovery(...of),
    ];
    this.changes = new Map(CHANGES.map((type, index) => [type, changes[index] as Change]));
  }

  /** An actor as it stands now, just before `position`. */
  holder(actor: string, position: number): Holder {
    const holder = this.living(actor, position);
    if (holder.suspended) {
      refuse("actor-suspended", `the keys of the actor of position ${position} were reported lost before it`);
    }
    return holder;
  }

  /** Takes in an entry about keys, with the verified request behind it; others change nothing. */
  apply(placed: Placed, request: Request): void {
    const change = this.changes.get(placed.entry.type);
    if (change === undefined) return;
    const subject = actorOf(placed.entry.stream);
    if (subject === "") bad(placed, "is about keys, but not on an actor's stream");
    change(subject, placed, request);
  }

  private living(actor: string, position: number): Holder {
    const holder = this.holders.get(actor);
    if (holder === undefined) {
      refuse("actor-unknown", `the actor of position ${position} was not registered before it`);
    }
    if (holder.retired) refuse("actor-retired", `the actor of position ${position} was retired before it`);
    return holder;
  }

  private hold(holder: Holder): void {
    this.holders.set(holder.id, holder);
  }

  private register(subject: string, placed: Placed, request: Request): void {
    const by = this.holder(placed.entry.actor, placed.position);
    if (!REGISTRARS.includes(by.kind) || this.holders.has(subject)) {
      bad(placed, "registers an actor without the right to");
    }
    const body = exactly(placed.entry.body, "a registration", ["kind", "keys", "kem"]);
    const kind = get(body, "kind");
    if (typeof kind !== "string" || !KINDS.includes(kind))
      bad(placed, "registers an actor of a kind not known here");
    const card = asked(placed, request, "actor.register/1", { id: subject, ...body }, "card");
    const key = this.provedKey(subject, kind, body, card, placed);
    this.takeHalves(key);
    this.hold({ id: subject, kind, key, suspended: false, retired: false });
  }

  private rotate(subject: string, placed: Placed, request: Request): void {
    const old = this.holder(subject, placed.position);
    const own = placed.entry.actor === subject && KINDS.includes(old.kind);
    if (!own) bad(placed, "changes keys that its actor may not change");
    const body = exactly(placed.entry.body, "a key rotation", ["keys", "kem"]);
    const card = asked(placed, request, "actor.rotate-key/1", body, "card");
    const key = this.provedKey(subject, old.kind, body, card, placed);
    this.takeHalves(key);
    this.hold({ ...old, key });
    this.recoveries.forget(subject);
  }

  private suspend(subject: string, placed: Placed, request: Request): void {
    const by = this.holder(placed.entry.actor, placed.position);
    const old = this.holder(subject, placed.position);
    const allowed =
      subject === by.id || REGISTRARS.includes(by.kind) || this.recoveries.isGuardian(by.id, subject);
    if (!allowed || !KINDS.includes(old.kind)) bad(placed, "suspends an actor without the right to");
    const body = exactly(placed.entry.body, "a suspension", ["reason"]);
    const reason = get(body, "reason");
    const known = typeof reason === "string" && LOSSES.includes(reason);
    if (!known) bad(placed, "suspends an actor for a reason not known here");
    asked(placed, request, "actor.report-lost/1", { id: subject, ...body });
    this.hold({ ...old, suspended: true });
    this.recoveries.distrust(subject);
  }

  private recover(subject: string, placed: Placed, request: Request): void {
    const old = this.recoverable(subject, placed);
    const body = exactly(placed.entry.body, "a recovery", ["keys", "kem"]);
    const key = keyFromJwks(get(body, "keys"));
    asked(placed, request, "actor.recover/1", { id: subject, keys: [...key.thumbprints] });
    this.recoveries.finish(subject, body, placed);
    this.takeHalves(key);
    this.hold({ ...old, key, suspended: false });
    this.recoveries.distrust(subject);
  }

  private setRecovery(subject: string, placed: Placed, request: Request): void {
    const old = this.holder(subject, placed.position);
    const own = placed.entry.actor === subject && KINDS.includes(old.kind);
    if (!own) bad(placed, "says how another is to be recovered");
    const plan = this.recoveries.set(subject, placed);
    if (plan.recovery !== null) this.checkUnused(plan.recovery);
    asked(placed, request, "actor.set-recovery/1", placed.entry.body);
  }

  private beginRecovery(subject: string, placed: Placed, request: Request): void {
    const old = this.recoverable(subject, placed);
    const body = exactly(placed.entry.body, "the beginning of a recovery", ["keys", "kem", "stated"]);
    const [jwks, kem] = [get(body, "keys") ?? null, get(body, "kem") ?? null];
    const says = { id: subject, keys: jwks, kem };
    const command = askedFor(placed, request, "actor.begin-recovery/1", says, ["card", "statement"]);
    const [card, statement] = [get(command, "card") ?? null, get(command, "statement") ?? null];
    const key = this.provedKey(subject, old.kind, body, card, placed);
    if (get(body, "stated") !== (statement !== null))
      bad(placed, "differs from its request in who begins it");
    const begun = { key, jwks, kem, by: placed.entry.actor, begunMs: placed.entry.atMs };
    this.recoveries.begin(subject, begun, statement, placed);
  }

  private approveRecovery(subject: string, placed: Placed, request: Request): void {
    this.recoverable(subject, placed);
    const body = exactly(placed.entry.body, "an approval", ["keys"]);
    asked(placed, request, "actor.approve-recovery/1", { id: subject, ...body });
    this.recoveries.approve(subject, pairOf(body, "keys"), placed);
  }

  private cancelRecovery(subject: string, placed: Placed, request: Request): void {
    if (placed.entry.actor !== subject) bad(placed, "cancels the recovery of another");
    exactly(placed.entry.body, "the end of a recovery", []);
    asked(placed, request, "actor.cancel-recovery/1", {});
    this.recoveries.forget(subject);
  }

  private retire(subject: string, placed: Placed, request: Request): void {
    const by = this.holder(placed.entry.actor, placed.position);
    const old = this.living(subject, placed.position);
    const allowed = subject === by.id || REGISTRARS.includes(by.kind);
    if (!allowed || !KINDS.includes(old.kind)) bad(placed, "retires an actor without the right to");
    exactly(placed.entry.body, "a retirement", []);
    asked(placed, request, "actor.retire/1", { id: subject });
    this.hold({ ...old, retired: true });
    this.recoveries.distrust(subject);
  }

  private recoverable(subject: string, placed: Placed): Holder {
    const holder = this.living(subject, placed.position);
    if (!KINDS.includes(holder.kind)) bad(placed, "is about the recovery of the node or its root");
    return holder;
  }

  /** New keys that are proved by a card that they signed about themselves, and were nobody's. */
  private provedKey(subject: string, kind: string, body: JsonObject, card: Json, placed: Placed): VerifyKey {
    const jwks = get(body, "keys") ?? null;
    const key = keyFromJwks(jwks);
    checkKem(body);
    if (key.suite !== "ACTOR") bad(placed, "brings keys of the root's suite");
    this.checkUnused(key);
    const said = exactly(verifyJws(readJws(writeJson(card)), key), "a card", CARD_MEMBERS);
    const expected = {
      format: CARD_FORMAT,
      id: subject,
      kind,
      kem: textOf(body, "kem"),
      node: this.origin,
      jwks,
    };
    const isAbout = Object.entries(expected).every(([name, value]) => same(get(said, name) ?? null, value));
    if (!isAbout || !isSamePair(pairOf(said, "keys"), key.thumbprints)) {
      refuse("card-refused", "a card is about another actor, kind, key or node than its registration");
    }
    return key;
  }

  private takeHalves(key: VerifyKey): void {
    this.checkUnused(key);
    key.thumbprints.forEach((half) => this.halves.add(half));
  }

  /** A key that two actors had would let one's signature be taken for the other's. */
  private checkUnused(key: VerifyKey): void {
    if (key.thumbprints.some((half) => this.halves.has(half))) {
      refuse("key-change-refused", "one of the keys is, or once was, an actor's already");
    }
  }
}

/** In the order of the keyring's own list. */
const CHANGES: readonly string[] = [
  "actor.registered/1",
  "actor.key-rotated/1",
  "actor.suspended/1",
  "actor.recovered/1",
  "actor.retired/1",
  "actor.recovery-set/1",
  "actor.recovery-begun/1",
  "actor.recovery-approved/1",
  "actor.recovery-cancelled/1",
];

/** The member `beside`, if one is named, of the command that asked for exactly what the entry says. */
function asked(placed: Placed, request: Request, type: string, says: JsonObject, beside?: string): Json {
  const command = askedFor(placed, request, type, says, beside === undefined ? [] : [beside]);
  return beside === undefined ? null : (get(command, beside) ?? null);
}

function askedFor(
  placed: Placed,
  request: Request,
  type: string,
  says: JsonObject,
  beside: readonly string[],
): JsonObject {
  const names = Object.keys(says);
  const isIt = ({ type: other, body }: { type: string; body: JsonObject }) =>
    other === type &&
    hasExactly(body, [...names, ...beside]) &&
    names.every((name) => same(get(body, name) ?? null, says[name] ?? null));
  const command = request.commands.find(isIt);
  return command?.body ?? bad(placed, "has a request that did not ask for this change of keys");
}

function bad(placed: Placed, reason: string): never {
  refuse("key-change-refused", `position ${placed.position} ${reason}`);
}
