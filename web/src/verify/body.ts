/** Reading the members of entry bodies and requests strictly: exactly those of a version, each of its one type. */

import { fromBase64url } from "./bytes";
import type { Json, JsonObject } from "./json";
import { get, hasExactly, isArray, isObject } from "./json";
import { refuse } from "./refusal";

/** X-Wing: ML-KEM-768 (1,184 bytes, FIPS 203) and X25519 (32 bytes). */
const KEM_PUBLIC_BYTES = 1216;

export type Pair = readonly [string, string];

/** The value as an object that has exactly these members. */
export function exactly(value: Json | undefined, what: string, members: readonly string[]): JsonObject {
  if (!isObject(value) || !hasExactly(value, members)) {
    refuse("body-refused", `${what} does not have exactly the members \`${[...members].sort().join(", ")}\``);
  }
  return value;
}

export function textOf(value: JsonObject, member: string): string {
  const text = get(value, member);
  return typeof text === "string" ? text : refuse("body-refused", `the member \`${member}\` is not text`);
}

export function integerOf(value: JsonObject, member: string): number {
  const number = get(value, member);
  if (typeof number !== "number" || number < 0) {
    refuse("body-refused", `the member \`${member}\` is not an integer of zero or more`);
  }
  return number;
}

export function pairOf(value: JsonObject, member: string): Pair {
  const pair = get(value, member);
  const [first, second] = isArray(pair) && pair.length === 2 ? pair : [];
  if (typeof first !== "string" || typeof second !== "string") {
    refuse("body-refused", `the member \`${member}\` is not a list of two texts`);
  }
  return [first, second];
}

export function isSamePair(one: Pair, other: Pair): boolean {
  return one[0] === other[0] && one[1] === other[1];
}

/** Refuses unless the member `kem` has the form of an X-Wing public key. */
export function checkKem(value: JsonObject): void {
  if (fromBase64url(textOf(value, "kem")).length !== KEM_PUBLIC_BYTES) {
    refuse("body-refused", `the member \`kem\` is not a key of ${KEM_PUBLIC_BYTES} bytes`);
  }
}
