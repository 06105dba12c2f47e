/** The entry: one fact on the ledger, of ten fields and at most 65,535 bytes (`docs/spec/entry.md`). */

import type { Bytes } from "./bytes";
import { ENTRY_BYTES_MAX } from "./files";
import type { Json, JsonObject } from "./json";
import { get, hasExactly, isObject, readJson } from "./json";
import { parseDigest, parseId, parseInstant, parseStream } from "./names";
import { recast, refuse } from "./refusal";

const FIELDS = ["v", "type", "id", "at", "actor", "stream", "n", "body", "salt", "evidence"];
const TYPE = /^[a-z][a-z0-9.-]*\/[1-9][0-9]*$/;
const TYPE_CHARS_MAX = 64;
/** 128 bits leave the last character only its upper two. */
const SALT = /^[A-Za-z0-9_-]{21}[AQgw]$/;

export interface Entry {
  readonly type: string;
  readonly id: string;
  readonly atMs: number;
  readonly actor: string;
  readonly stream: string;
  readonly n: number;
  readonly body: JsonObject;
  readonly evidence: string | null;
}

/** The entry of exact bytes (`entry-refused`, `entry-too-large`). */
export function parseEntry(data: Bytes): Entry {
  const tooLarge = (run: () => Json) =>
    recast("entry-too-large", "the entry is too large", run, ["limit-exceeded"]);
  const value = recast(
    "entry-refused",
    "the entry is refused",
    () => tooLarge(() => readJson(data, ENTRY_BYTES_MAX)),
    ["not-canonical"],
  );
  if (!isObject(value) || !hasExactly(value, FIELDS)) bad("does not have exactly the ten fields of an entry");
  if (get(value, "v") !== 1) bad("is not of version 1");
  const [n, body, salt] = [get(value, "n"), get(value, "body"), get(value, "salt")];
  if (typeof n !== "number" || n < 0) bad("has a number that is not an integer of zero or more");
  if (typeof salt !== "string" || !SALT.test(salt)) bad("has no salt of 16 bytes");
  if (!isObject(body)) bad("has a body that is not an object");
  return { type: typeOf(get(value, "type")), n, body, ...namesOf(value) };
}

function typeOf(type: Json | undefined): string {
  if (typeof type !== "string" || type.length > TYPE_CHARS_MAX || !TYPE.test(type)) {
    bad("has a type that is not a lower-case name and a version");
  }
  return type;
}

function namesOf(value: JsonObject): Pick<Entry, "id" | "actor" | "stream" | "atMs" | "evidence"> {
  return recast("entry-refused", "the entry is refused", () => {
    const evidence = get(value, "evidence") ?? null;
    if (evidence !== null) parseDigest(evidence);
    parseStream(get(value, "stream"));
    return {
      id: parseId(get(value, "id")),
      actor: parseId(get(value, "actor")),
      stream: get(value, "stream") as string,
      atMs: parseInstant(get(value, "at")),
      evidence: evidence as string | null,
    };
  });
}

function bad(reason: string): never {
  refuse("entry-refused", `the entry ${reason}`);
}
