/**
 * Whether a request asked for the entries that it stands behind: by the table of causes (`docs/spec/causes.md`), for
 * each type of entry a command that says the same. Start at `Asked`.
 */

import type { Json } from "./json";
import { byCodePoint, get, isArray, jsonText } from "./json";
import type { Placed } from "./ledger";
import { digestOfText, parseStream } from "./names";
import { refuse } from "./refusal";
import type { Command, Request } from "./request";
import { OBJECT_LINKED } from "./streams";
import { CAUSES, GROUNDS, HASHED, OWN_STREAMS, SAID_ROLES } from "./tables";

type Said = ReadonlyMap<string, Json>;

/** The lists of names that may be compared, by the type of a command. */
const NAMES = new Map<string, (readonly string[])[]>();
for (const rows of Object.values(CAUSES)) {
  for (const [command, names] of Object.entries(rows))
    NAMES.set(command, [...(NAMES.get(command) ?? []), names]);
}

/** All that one request asked for; made once, so that each of its entries is looked up in one step. */
export class Asked {
  private readonly asked = new Set<string>();
  private readonly visits = new Set<string>();

  constructor(request: Request) {
    for (const command of request.commands) {
      const said = saidByCommand(command, request);
      for (const names of NAMES.get(command.type) ?? []) this.asked.add(keyOf(command.type, names, said));
      // Whoever links one entry by name asked for that one, and for no other ground.
      const visit = get(command.body, "visit");
      if (command.type !== "visit.link/1" && typeof visit === "string") this.visits.add(`visit/${visit}`);
    }
  }

  /** Refuses an entry of a type in the table that the request did not ask for. */
  check(placed: Placed): void {
    const { type } = placed.entry;
    const rows = rowOf(CAUSES, type);
    if (rows === undefined) return;
    const said = saidByEntry(placed);
    const isAsked = Object.entries(rows).some(([command, names]) =>
      this.asked.has(keyOf(command, names, said)),
    );
    if (!isAsked && !this.isGround(placed)) {
      refuse("not-asked", `the request of position ${placed.position} did not ask for \`${type}\``);
    }
  }

  private isGround({ entry }: Placed): boolean {
    const role = get(entry.body, "role");
    const isLink = entry.type === OBJECT_LINKED && typeof role === "string" && GROUNDS.includes(role);
    return isLink && this.visits.has(entry.stream);
  }
}

function keyOf(command: string, names: readonly string[], said: Said): string {
  return jsonText([command, ...names, ...names.map((name) => said.get(name) ?? null)]);
}

function saidByCommand({ type, body }: Command, request: Request): Said {
  const said = new Map<string, Json>(Object.entries(body));
  said.set("shares", get(body, "share") ?? null);
  said.set("exports", get(body, "visit") ?? null);
  for (const name of OWN_STREAMS) said.set(name, request.actor);
  // An organisation may ask it for a person.
  if (type === "passkey.remove/1") said.set("passkey", get(body, "id") ?? null);
  // Whoever accepts joins itself.
  if (type === "invitation.accept/1") said.set("member", request.actor);
  said.set("break-glass", get(body, "break_glass") ?? null);
  const role = rowOf(SAID_ROLES, type);
  if (role !== undefined) said.set("role", role);
  for (const name of rowOf(HASHED, type) ?? []) {
    const text = get(body, name);
    if (typeof text === "string") said.set(name, digestOfText(text));
  }
  const readers = get(body, "readers");
  if (isArray(readers) && readers.every((reader) => typeof reader === "string")) {
    said.set("readers", [...readers].sort(byCodePoint)); // as entries name them
  }
  return said;
}

function saidByEntry({ entry }: Placed): Said {
  const said = new Map<string, Json>(Object.entries(entry.body));
  const target = get(entry.body, "stream");
  for (const stream of typeof target === "string" ? [target, entry.stream] : [entry.stream]) {
    const [kind, id] = parseStream(stream);
    said.set(kind, id);
  }
  return said;
}

/** A row of a table: never what all objects inherit. */
function rowOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
