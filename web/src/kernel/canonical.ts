/**
 * Canonical JSON: one value, one string of bytes.
 *
 * RFC 8785 (JCS) in a strict profile: objects with printable ASCII names, arrays, strings without lone surrogates,
 * integers within 2^53, true, false and null. No floats: decimals are written as strings. Bytes:
 * `docs/spec/canonical.md`.
 *
 * INVARIANT: `decode` accepts exactly the bytes that `encode` writes: `encode(decode(data))` is `data`. What is signed,
 * hashed or stored can therefore be parsed and written again without losing a byte.
 *
 * Start at `encode` and `decode`. Only bytes that are refused are read a second time, by `faultIn` of `faults`, which
 * finds the first fault and says where it is.
 */
import { type Bytes, utf8, utf8Text } from "./bytes";
import { LimitExceeded } from "./errors";
import { BRACKETS_MAX, DEPTH_MAX, depthOf, type Fault, faultIn, INT_MAX, NotCanonical } from "./faults";

export { BRACKETS_MAX, DEPTH_MAX, type Fault, INT_MAX, NotCanonical } from "./faults";

/** A value of the profile. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

type Steps = (string | number)[];

const PRINTABLE_ASCII = /^[ -~]*$/;
/** In a pattern of code points, a surrogate matches alone: half of a pair without the other. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const BRACKET_CODES = new Set([0x5b, 0x7b]);

/** The canonical bytes of a value; throws `NotCanonical` with the path of the first part that the profile does not have. */
export function encode(value: unknown): Bytes {
  return utf8(encodeText(value));
}

/** The same as text. */
export function encodeText(value: unknown): string {
  return write(value, [], 0);
}

/**
 * The value of canonical bytes.
 *
 * @param limit how many bytes are allowed; checked before anything is read.
 * @throws LimitExceeded: more bytes than the limit. NotCanonical: anything that `encode` would not have written.
 */
export function decode(data: Uint8Array, { limit }: { readonly limit: number }): Json {
  if (data.length > limit)
    throw new LimitExceeded(`the document has ${data.length} bytes where ${limit} are allowed`);
  if (bracketsIn(data) > BRACKETS_MAX)
    throw new LimitExceeded(`the document has more than ${BRACKETS_MAX} opening brackets`);
  const text = textOf(data);
  if (depthOf(text) > DEPTH_MAX) throw faultIn(text);
  const value = parse(text);
  if (value === undefined) throw faultIn(text);
  return value;
}

/** The same for a document that must be an object; throws `NotCanonical` where it is another value. */
export function decodeObject(data: Uint8Array, { limit }: { readonly limit: number }): JsonObject {
  const value = decode(data, { limit });
  if (!isObject(value)) throw new NotCanonical("type", []);
  return value;
}

/** Whether a value is an object, and neither an array nor null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether an object has exactly these members. */
export function hasExactly(value: unknown, names: readonly string[]): value is JsonObject {
  return (
    isObject(value) &&
    Object.keys(value).length === names.length &&
    names.every((name) => Object.hasOwn(value, name))
  );
}

function write(value: unknown, path: Steps, depth: number): string {
  if (typeof value === "string") return writeText(value, path);
  if (typeof value === "number") return writeNumber(value, path);
  if (value === null || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return writeArray(value, path, depth + 1);
  if (typeof value === "object" && isPlain(value))
    return writeObject(value as Record<string, unknown>, path, depth + 1);
  throw new NotCanonical("type", path);
}

function writeText(value: string, path: Steps): string {
  if (LONE_SURROGATE.test(value)) throw new NotCanonical("lone-surrogate", path);
  // JavaScript's writer is the one that RFC 8785 section 3.2.2.2 describes.
  return JSON.stringify(value);
}

function writeNumber(value: number, path: Steps): string {
  const fault = faultOfNumber(value);
  if (fault !== null) throw new NotCanonical(fault, path);
  return String(value);
}

function faultOfNumber(value: number): Fault | null {
  if (!Number.isFinite(value)) return "not-a-number";
  if (!Number.isInteger(value)) return "float";
  if (Object.is(value, -0)) return "negative-zero";
  return Math.abs(value) > INT_MAX ? "integer-too-large" : null;
}

function writeArray(items: readonly unknown[], path: Steps, depth: number): string {
  if (depth > DEPTH_MAX) throw new NotCanonical("too-deep", path);
  const parts: string[] = [];
  for (let index = 0; index < items.length; index++) parts.push(writeStep(items[index], index, path, depth));
  return `[${parts.join(",")}]`;
}

function writeObject(value: Record<string, unknown>, path: Steps, depth: number): string {
  if (depth > DEPTH_MAX) throw new NotCanonical("too-deep", path);
  // ASCII names sort by UTF-16 unit (RFC 8785 section 3.2.3) as they do byte by byte.
  const names = Object.keys(value).sort();
  const parts = names.map((name) => {
    if (!PRINTABLE_ASCII.test(name)) throw new NotCanonical("name-not-ascii", path);
    return `${JSON.stringify(name)}:${writeStep(value[name], name, path, depth)}`;
  });
  return `{${parts.join(",")}}`;
}

/** One step further in: the path is one stack for the whole document, since a copy for each part would be slow. */
function writeStep(value: unknown, step: string | number, path: Steps, depth: number): string {
  path.push(step);
  const text = write(value, path, depth);
  path.pop();
  return text;
}

/** Whether an object is of names and values alone: no date, map or class that would be written as something it is not. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function bracketsIn(data: Uint8Array): number {
  let count = 0;
  for (const byte of data) if (BRACKET_CODES.has(byte)) count++;
  return count;
}

function textOf(data: Uint8Array): string {
  if (data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf) throw new NotCanonical("byte-order-mark", []);
  try {
    return utf8Text(data);
  } catch (cause) {
    throw new NotCanonical("not-utf8", [], { cause });
  }
}

/** The value of canonical text, or nothing where it is another. */
function parse(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return encodeText(value) === text ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof NotCanonical) return undefined;
    throw error;
  }
}
