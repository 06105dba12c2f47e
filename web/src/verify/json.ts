/**
 * Canonical JSON (`docs/spec/canonical.md`): one value, one string of bytes.
 *
 * Reading parses, writes the value again and refuses unless the bytes are the same, so that no other check of the
 * spelling is needed. Start at `readJson`.
 */

import type { Bytes } from "./bytes";
import { equal, utf8, utf8Text } from "./bytes";
import { refuse } from "./refusal";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

const DEPTH_MAX = 64;
/** Opening brackets in a document, those within text among them. */
const BRACKETS_MAX = 65_536;
const NAME = /^[ -~]*$/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The value of canonical bytes; refuses with `limit-exceeded` or `not-canonical`. */
export function readJson(data: Bytes, limit: number): Json {
  if (data.length > limit)
    refuse("limit-exceeded", `the document has ${data.length} bytes where ${limit} are allowed`);
  if (brackets(data) > BRACKETS_MAX) {
    refuse("limit-exceeded", `the document has more than ${BRACKETS_MAX} opening brackets`);
  }
  const value = canonicalValue(data);
  if (value === undefined) refuse("not-canonical", "the document is not canonical JSON");
  return value;
}

/** The value of canonical bytes within the bound of brackets, or nothing. */
export function valueOf(data: Bytes): Json | undefined {
  return brackets(data) > BRACKETS_MAX ? undefined : canonicalValue(data);
}

/** The canonical bytes of a value; refuses with `not-canonical`. */
export function writeJson(value: Json): Bytes {
  return utf8(jsonText(value));
}

/** The canonical text of a value, which serves to compare two. */
export function jsonText(value: Json): string {
  return text(value, 0);
}

/** Whether two values are the same JSON. */
export function same(one: Json, other: Json): boolean {
  return jsonText(one) === jsonText(other);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** A member of an object, or nothing: never what all objects inherit. */
export function get(value: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Whether an object has exactly these members. */
export function hasExactly(value: JsonObject, names: readonly string[]): boolean {
  return Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));
}

/** Order by code point, which is the order of UTF-8 bytes. */
export function byCodePoint(one: string, other: string): number {
  const [ours, theirs] = [one[Symbol.iterator](), other[Symbol.iterator]()];
  for (;;) {
    const [a, b] = [ours.next(), theirs.next()];
    if (a.done || b.done) return (a.done ? 0 : 1) - (b.done ? 0 : 1);
    const difference = (a.value.codePointAt(0) ?? 0) - (b.value.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
}

function canonicalValue(data: Bytes): Json | undefined {
  const source = utf8Text(data);
  if (source === null || isTooDeep(source)) return undefined;
  try {
    const value = JSON.parse(source) as Json;
    return equal(utf8(jsonText(value)), data) ? value : undefined;
  } catch {
    return undefined;
  }
}

function brackets(data: Bytes): number {
  let count = 0;
  for (const byte of data) if (byte === 0x5b || byte === 0x7b) count++;
  return count;
}

/** Looked at before any parser recurses. */
function isTooDeep(source: string): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < source.length; at++) {
    const mark = source[at];
    if (inText) {
      if (mark === "\\") at++;
      else if (mark === '"') inText = false;
    } else if (mark === '"') inText = true;
    else if (mark === "[" || mark === "{") {
      if (++depth > DEPTH_MAX) return true;
    } else if (mark === "]" || mark === "}") depth--;
  }
  return false;
}

function text(value: Json, depth: number): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) refuse("not-canonical", "a number is not an integer within 2^53 - 1");
    return String(value);
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (depth >= DEPTH_MAX)
    refuse("not-canonical", `the value is more than ${DEPTH_MAX} arrays and objects deep`);
  if (isArray(value)) return `[${value.map((item) => text(item, depth + 1)).join(",")}]`;
  const names = Object.keys(value as JsonObject).sort();
  return `{${names.map((name) => `${named(name)}:${text((value as JsonObject)[name] ?? null, depth + 1)}`).join(",")}}`;
}

function named(name: string): string {
  if (!NAME.test(name)) refuse("not-canonical", "a name is not printable ASCII");
  return quoted(name);
}

/** As RFC 8785 section 3.2.2.2 asks, which is how the language writes text, but for halves of surrogate pairs. */
function quoted(value: string): string {
  if (LONE_SURROGATE.test(value)) refuse("not-canonical", "a text has half of a surrogate pair");
  return JSON.stringify(value);
}
