/**
 * Step 11: what the visit links to is here, whole where it can be taken back, and nothing is here for no reason. In a
 * selection a link need lead nowhere.
 */

import { exactly, integerOf, textOf } from "./body";
import type { Json } from "./json";
import { get, isArray, isObject } from "./json";
import type { Genesis, Ledger, Placed } from "./ledger";
import { actorOf } from "./ledger";
import type { Subject } from "./manifest";
import { parseStream, streamOf } from "./names";
import { counted, refuse } from "./refusal";
import type { Proved } from "./report";
import { OBJECT_LINKED, VISIT_CLOSED, checkWhole } from "./streams";
import { LINK_ROLES, WHOLE_ROLES } from "./tables";

const PROOF_ACCEPTED = "interchain.proof-accepted/1";
const TOKEN = "token";
interface Target {
  readonly stream: string;
  readonly n: number;
}

export function checkLinks(
  ledger: Ledger,
  genesis: Genesis,
  about: readonly Placed[],
  subject: Subject,
): Proved<null> {
  const numbered = new Map(ledger.entries.map((placed) => [nameOf(placed.entry), placed]));
  const closing = about.at(-1) as Placed;
  let links = about.filter((placed) => placed.entry.type === OBJECT_LINKED);
  if (subject.kind === "selection") links = links.filter((link) => numbered.has(nameOf(targetOf(link))));
  const linked = links.map((link) => follow(link, numbered, closing));
  const followed = `${counted(linked.length, "link")} followed`;
  if (subject.kind === "selection") {
    const sentence = `${followed}; where one leads to an entry that was not chosen, it is not here`;
    return { value: null, sentence };
  }
  const whole = wholeStreams(links, ledger);
  const beside = whole.flatMap((stream) => ledger.streams.get(stream) ?? []);
  checkReasons(ledger, genesis, [...ledger.entries.slice(0, 1), ...about, ...linked, ...beside]);
  const sentence = `${followed} from the visit, and no entry is here without a reason`;
  if (whole.length === 0) return { value: null, sentence };
  const ends = `${counted(whole.length, "stream")} of what can be taken back, numbered without a gap`;
  return { value: null, sentence: `${sentence}; ${ends}` };
}

function nameOf({ stream, n }: Target): string {
  return `${stream} ${n}`;
}

function targetOf(link: Placed): Target {
  const body = exactly(link.entry.body, "a link of the visit", ["stream", "n", "role"]);
  const stream = textOf(body, "stream");
  parseStream(stream);
  return { stream, n: integerOf(body, "n") };
}

function follow(link: Placed, numbered: ReadonlyMap<string, Placed>, closing: Placed): Placed {
  const target = numbered.get(nameOf(targetOf(link)));
  // What is written after the closing could still be chosen, so it cannot be part of the visit.
  if (target === undefined || target.position > closing.position) {
    missing(`the link at position ${link.position} leads to no entry here`);
  }
  const role = textOf(link.entry.body, "role");
  const types = Object.hasOwn(LINK_ROLES, role) ? LINK_ROLES[role] : undefined;
  const kind = parseStream(target.entry.stream)[0];
  if (types?.includes(target.entry.type) !== true || (canEnd(role) && kind !== WHOLE_ROLES[role])) {
    refuse(
      "link-refused",
      `the link at position ${link.position} leads to an entry that does not fit its role`,
    );
  }
  if (target.entry.type === PROOF_ACCEPTED) checkFoundation(link, target);
  return target;
}

/** What a visit is built on was accepted before, and gives the closing of another visit. */
function checkFoundation(link: Placed, proof: Placed): void {
  const facts = get(proof.entry.body, "facts");
  const types = isArray(facts) ? facts.map((fact) => (isObject(fact) ? get(fact, "type") : undefined)) : [];
  if (proof.position > link.position || !types.includes(VISIT_CLOSED)) {
    refuse("link-refused", `the proof that the link at position ${link.position} leads to is no foundation`);
  }
}

/** The streams that these links need whole, and those of the tokens that theirs were delegated from; checked so. */
function wholeStreams(links: readonly Placed[], ledger: Ledger): readonly string[] {
  const ending = links.filter((link) => canEnd(textOf(link.entry.body, "role")));
  const waiting = ending.map((link) => targetOf(link).stream);
  const whole = new Set<string>();
  // Each stream is taken once, whatever the bodies say.
  for (let stream = waiting.pop(); stream !== undefined; stream = waiting.pop()) {
    if (whole.has(stream)) continue;
    const first = ledger.streams.get(stream)?.[0];
    if (first === undefined) missing(`\`${stream}\`, which a linked token was delegated from, is not here`);
    whole.add(stream);
    const parent = parseStream(stream)[0] === TOKEN ? get(first.entry.body, "parent") : null;
    if (typeof parent === "string") waiting.push(streamOf(TOKEN, parent));
  }
  for (const stream of whole) checkWhole(stream, ledger.streams.get(stream) ?? []);
  return [...whole];
}

/** Each entry is of the core, or on the stream of an actor that one of the core, or such an actor's own, names. */
function checkReasons(ledger: Ledger, genesis: Genesis, core: readonly Placed[]): void {
  const positions = new Set(core.map((placed) => placed.position));
  const named = new Set([genesis.root.id, genesis.node.id]);
  const waiting = [...core];
  for (let placed = waiting.pop(); placed !== undefined; placed = waiting.pop()) {
    for (const text of textsIn(placed.entry.body, [placed.entry.actor])) {
      if (named.has(text)) continue;
      named.add(text);
      for (const other of ledger.streams.get(`actor/${text}`) ?? []) waiting.push(other);
    }
  }
  for (const { entry, position } of ledger.entries) {
    if (!positions.has(position) && !named.has(actorOf(entry.stream))) {
      refuse("entry-unreferenced", `nothing here leads to the entry at position ${position}`);
    }
  }
}

/** All texts in a value of canonical JSON, put to those found so far. */
export function textsIn(value: Json, found: string[] = []): readonly string[] {
  if (typeof value === "string") found.push(value);
  else if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value) as Json[]) textsIn(item, found);
  }
  return found;
}

/** Whether links of this role lead to something that can be taken back. */
function canEnd(role: string): boolean {
  return Object.hasOwn(WHOLE_ROLES, role);
}

function missing(message: string): never {
  refuse("linked-entry-missing", message);
}
