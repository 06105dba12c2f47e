/**
 * Steps 9 and 10: nothing is left out of the visit, and nothing is there twice. A selection claims less: what it shows
 * must still be in order, and key histories whole.
 */

import { exactly, integerOf, textOf } from "./body";
import { hex } from "./bytes";
import type { Ledger, Placed } from "./ledger";
import { actorOf } from "./ledger";
import type { Subject } from "./manifest";
import { parseStream } from "./names";
import { counted, refuse } from "./refusal";
import type { Proved } from "./report";
import { rootOf } from "./tree";

export const VISIT_CLOSED = "visit.closed/1";
export const OBJECT_LINKED = "visit.object-linked/1";
const VISIT_OPENED = "visit.opened/1";
const ACTOR_REGISTERED = "actor.registered/1";
/** Kind of the stream that an entry of each type begins. */
const STARTS: Readonly<Record<string, string>> = { [VISIT_OPENED]: "visit", [ACTOR_REGISTERED]: "actor" };
/** The types whose meaning the verdict rests on, each in the only version known, 1. */
const STRUCTURAL: readonly string[] = [
  ...["visit.opened", "visit.closed", "visit.object-linked", "node.created"],
  ...["actor.registered", "actor.key-rotated", "actor.suspended", "actor.recovered", "actor.recovery-set"],
  ...["actor.recovery-begun", "actor.recovery-approved", "actor.recovery-cancelled", "actor.retired"],
  // On streams of their own, and about no keys: the keyring passes them over.
  ...["actor.paused", "actor.resumed"],
];
const VERSION = "1";

/** Hands on the entries that the bundle is about: the visit's own, or those that were chosen. */
export function checkStreams(ledger: Ledger, subject: Subject): Proved<readonly Placed[]> {
  ledger.entries.forEach(checkKnown);
  checkIds(ledger);
  for (const [stream, entries] of ledger.streams) {
    checkOrder(stream, entries);
    if ((subject.kind === "visit" && stream === subject.stream) || isHistory(stream))
      checkWhole(stream, entries);
  }
  for (const [stream, entries] of ledger.streams) checkStart(stream, entries);
  const histories = `the key histories of ${counted([...ledger.streams.keys()].filter(isHistory).length, "actor")}`;
  if (subject.kind === "selection") {
    const chosen = chosenOf(ledger);
    const shown = `${counted(chosen.length, "entry", "entries")} chosen to be shown, in the order of their streams`;
    return {
      value: chosen,
      sentence: `${histories} are numbered without a gap; ${shown}, which may have others`,
    };
  }
  const visit = ledger.streams.get(subject.stream) ?? [];
  if (visit[0]?.entry.type !== VISIT_OPENED) {
    refuse("stream-start-refused", `\`${subject.stream}\` does not begin with \`${VISIT_OPENED}\``);
  }
  const entries = counted(visit.length, "entry", "entries");
  return { value: visit, sentence: `the visit's ${entries} and ${histories} are numbered without a gap` };
}

/** The visit is closed, nothing follows, and the closing commits to all that came before. */
export function checkClosing(about: readonly Placed[], subject: Subject): Proved<null> {
  if (subject.kind === "selection") {
    const sentence = "somebody chose these entries; nothing is claimed about what else there is";
    return { value: null, sentence };
  }
  const before = about.slice(0, -1);
  for (const { entry, position } of before) {
    if (entry.type === VISIT_CLOSED) {
      refuse("entry-after-closing", `the visit goes on after it was closed at position ${position}`);
    }
  }
  const closing = about.at(-1)?.entry;
  if (closing?.type !== VISIT_CLOSED) {
    refuse(
      "visit-not-closed",
      "the visit is not closed, so nothing shows that its list of entries is complete",
    );
  }
  const body = exactly(closing.body, "the closing of the visit", ["count", "root"]);
  if (integerOf(body, "count") !== before.length) {
    refuse("closing-mismatch", `the closing counts other entries than the ${before.length} of the bundle`);
  }
  if (textOf(body, "root") !== `sha256:${hex(rootOf(before.map((placed) => placed.leaf)))}`) {
    refuse("closing-mismatch", "the closing commits to another list of entries than the bundle's");
  }
  const count = counted(before.length, "entry", "entries");
  return {
    value: null,
    sentence: `the visit was closed over exactly the ${count} before it; none was left out`,
  };
}

/** Refuses unless these are numbered from 0 without a gap. */
export function checkWhole(stream: string, entries: readonly Placed[]): void {
  entries.forEach((placed, number) => {
    if (placed.entry.n !== number) refuse("stream-gap", `\`${stream}\` lacks its entry number ${number}`);
  });
}

function isHistory(stream: string): boolean {
  return actorOf(stream) !== "";
}

function checkKnown({ entry, position }: Placed): void {
  const [name, version] = entry.type.split("/") as [string, string];
  const isKnown = STRUCTURAL.includes(name);
  const mustBeKnown = isKnown || ["node", "actor"].includes(name.split(".")[0] ?? "");
  if (mustBeKnown && !(isKnown && version === VERSION)) {
    refuse("type-unknown", `position ${position} has the unknown type \`${entry.type}\``);
  }
}

function checkIds(ledger: Ledger): void {
  const ids = new Set<string>();
  for (const { entry, position } of ledger.entries) {
    if (ids.has(entry.id))
      refuse("entry-reused", `the entry at position ${position} stands at another one as well`);
    ids.add(entry.id);
  }
}

function checkOrder(stream: string, entries: readonly Placed[]): void {
  entries.slice(1).forEach(({ entry }, index) => {
    const before = (entries[index] as Placed).entry.n;
    if (before === entry.n) refuse("stream-number-reused", `\`${stream}\` has number ${entry.n} twice`);
    if (before > entry.n)
      refuse("stream-out-of-order", `\`${stream}\` has number ${before} before ${entry.n}`);
  });
}

function checkStart(stream: string, entries: readonly Placed[]): void {
  const kind = parseStream(stream)[0];
  for (const { entry, position } of entries) {
    const needed = Object.hasOwn(STARTS, entry.type) ? STARTS[entry.type] : undefined;
    if (needed !== undefined && (kind !== needed || entry.n !== 0)) {
      refuse("stream-start-refused", `position ${position} begins a stream in its middle`);
    }
  }
  if (kind === "actor" && entries[0]?.entry.type !== ACTOR_REGISTERED) {
    refuse("stream-start-refused", `\`${stream}\` does not begin with \`${ACTOR_REGISTERED}\``);
  }
}

/** Entries that are here because they were chosen; of key histories alone only when nothing else is. */
function chosenOf(ledger: Ledger): readonly Placed[] {
  const others = ledger.entries.slice(1);
  const chosen = others.filter((placed) => !isHistory(placed.entry.stream));
  if (others.length === 0)
    refuse("selection-empty", "the selection shows no entry but the first of the ledger");
  return chosen.length > 0 ? chosen : others;
}
