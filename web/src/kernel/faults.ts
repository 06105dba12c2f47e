/**
 * Why text is not canonical JSON: the first fault in it, and where it stands.
 *
 * The grammar is that of `docs/spec/canonical.md`, read strictly from left to right. Nothing here decides whether text is
 * refused; `canonical` does. Faults and paths are those of the Python reader.
 *
 * INVARIANT: no path repeats a name that could be somebody's data, and no message repeats a value.
 */
import { type Said, TelesphorError } from "./errors";

/** Largest magnitude of an integer: beyond it numbers round (RFC 8785 section 3.2.2.3). */
export const INT_MAX = Number.MAX_SAFE_INTEGER;
/** Arrays and objects inside each other: no real document comes near, and no reader's stack is at risk. */
export const DEPTH_MAX = 64;
/** Opening brackets in a document, those inside of text among them: nothing of ours has a tenth as many. */
export const BRACKETS_MAX = 65_536;

const REASONS = {
  "byte-order-mark": "starts with a byte order mark",
  "not-utf8": "is not UTF-8",
  truncated: "ends too early",
  "trailing-bytes": "has bytes after its end",
  "white-space": "has white space between its parts",
  syntax: "is not JSON",
  "duplicate-name": "has the same name twice",
  "unsorted-names": "has names that are not in byte order",
  "name-not-ascii": "has a name that is not printable ASCII",
  float: "is a number with a fraction or an exponent",
  "not-a-number": "is NaN or infinite",
  "negative-zero": "is a negative zero",
  "leading-zero": "is a number with a leading zero or plus sign",
  "integer-too-large": "is an integer beyond 2^53 - 1",
  "lone-surrogate": "is text with half of a surrogate pair",
  escape: "is text that is not escaped the one canonical way",
  "too-deep": `is more than ${DEPTH_MAX} arrays and objects deep`,
  type: "is of a type that is not asked for here, or that canonical JSON does not have",
} as const;

/** Which rule is broken; stable, and the names of the bad vectors. */
export type Fault = keyof typeof REASONS;

/** Names and numbers that lead to a part of a document. */
export type Path = readonly (string | number)[];

/** A value or bytes outside the strict profile of RFC 8785; `path` is such as `$.body.items[3]`. */
export class NotCanonical extends TelesphorError {
  readonly fault: Fault;
  readonly path: string;

  constructor(fault: Fault, path: Path, said: Said = {}) {
    const place = pathText(path);
    const hint = fault === "float" ? 'write decimals as text, such as `"36.6"`' : "";
    super("not-canonical", "invalid", `\`${place}\` ${REASONS[fault]}`, { hint, ...said });
    this.fault = fault;
    this.path = place;
  }
}

/** How deep text nests, or an upper bound when that is already shallow; never recurses. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let at = 0;
  while (at < text.length) {
    const mark = text[at];
    if (mark === '"') {
      const end = endOfString(text, at);
      at = end === null ? at + 1 : end;
      continue;
    }
    if (mark === "[" || mark === "{") deepest = Math.max(deepest, ++depth);
    else if (mark === "]" || mark === "}") depth--;
    if (deepest > DEPTH_MAX) return deepest;
    at++;
  }
  return deepest;
}

/** The first fault of text that is known to be refused. */
export function faultIn(text: string): NotCanonical {
  const reader = new Reader(text);
  try {
    reader.readValue(0);
  } catch (error) {
    if (error instanceof NotCanonical) return error;
    throw error;
  }
  const rest = text.slice(reader.at);
  if (rest === "") throw new Error("text was refused in which no fault can be found");
  return new NotCanonical(/^[ \t\n\r]*$/.test(rest) ? "white-space" : "trailing-bytes", []);
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const PRINTABLE_ASCII = /^[ -~]*$/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const WHITE_SPACE = " \t\n\r";
const LITERALS = ["true", "false", "null"] as const;
const NUMBER = /[+-]?([0-9]+)(\.[0-9]*)?([eE][+-]?[0-9]*)?/y;
const NOT_A_NUMBER = /NaN|[+-]?Infinity/y;

function pathText(path: Path): string {
  let text = "$";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += PLAIN_NAME.test(step) ? `.${step}` : ".?";
  }
  return text;
}

/** Where the string that opens at `at` has ended, or nothing where it does not end. */
function endOfString(text: string, at: number): number | null {
  for (let index = at + 1; index < text.length; index++) {
    const mark = text.charCodeAt(index);
    if (mark === 0x22) return index + 1;
    if (mark === 0x5c) index++;
  }
  return null;
}

/** Reads a document strictly, and throws its first fault. */
class Reader {
  at = 0;
  readonly #text: string;
  readonly #path: (string | number)[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  readValue(depth: number): void {
    const start = this.#text[this.at];
    if (start === "{") this.#readObject(depth + 1);
    else if (start === "[") this.#readArray(depth + 1);
    else if (start === '"') this.#readString();
    else this.#readWord();
  }

  #readWord(): void {
    const literal = LITERALS.find((word) => this.#text.startsWith(word, this.at));
    if (literal === undefined) this.#readNumber();
    else this.at += literal.length;
  }

  #readObject(depth: number): void {
    if (depth > DEPTH_MAX) this.#refuse("too-deep");
    this.at++;
    if (this.#skip("}")) return;
    let previous: string | null = null;
    for (;;) {
      const name = this.#readName();
      this.#path.push(name);
      if (previous !== null && name <= previous)
        this.#refuse(name === previous ? "duplicate-name" : "unsorted-names");
      previous = name;
      this.#expect(":");
      this.readValue(depth);
      this.#path.pop();
      if (this.#skip("}")) return;
      this.#expect(",");
    }
  }

  #readArray(depth: number): void {
    if (depth > DEPTH_MAX) this.#refuse("too-deep");
    this.at++;
    if (this.#skip("]")) return;
    for (let index = 0; ; index++) {
      this.#path.push(index);
      this.readValue(depth);
      this.#path.pop();
      if (this.#skip("]")) return;
      this.#expect(",");
    }
  }

  #readName(): string {
    if (this.#text[this.at] !== '"') this.#refuseMark();
    const name = this.#readString();
    if (!PRINTABLE_ASCII.test(name)) this.#refuse("name-not-ascii");
    return name;
  }

  #readString(): string {
    const end = endOfString(this.#text, this.at);
    if (end === null) return this.#refuse("truncated");
    const written = this.#text.slice(this.at, end);
    const value = this.#unescape(written);
    if (LONE_SURROGATE.test(value)) this.#refuse("lone-surrogate");
    if (JSON.stringify(value) !== written) this.#refuse("escape");
    this.at = end;
    return value;
  }

  #unescape(written: string): string {
    try {
      return JSON.parse(written) as string;
    } catch {
      return this.#refuse("escape");
    }
  }

  #readNumber(): void {
    if (this.#match(NOT_A_NUMBER) !== null) this.#refuse("not-a-number");
    const match = this.#match(NUMBER);
    if (match === null) return this.#refuseMark();
    const [number, digits = ""] = match;
    if (match[2] !== undefined || match[3] !== undefined) this.#refuse("float");
    if (number === "-0") this.#refuse("negative-zero");
    if (number.startsWith("+") || (digits.startsWith("0") && digits !== "0")) this.#refuse("leading-zero");
    if (digits.length > String(INT_MAX).length || Number(digits) > INT_MAX) this.#refuse("integer-too-large");
    this.at += number.length;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.#text);
  }

  #skip(mark: string): boolean {
    const found = this.#text[this.at] === mark;
    if (found) this.at++;
    return found;
  }

  #expect(mark: string): void {
    if (!this.#skip(mark)) this.#refuseMark();
  }

  /** Refuse whatever stands where something else was needed. */
  #refuseMark(): never {
    const mark = this.#text[this.at];
    if (mark === undefined) return this.#refuse("truncated");
    return this.#refuse(WHITE_SPACE.includes(mark) ? "white-space" : "syntax");
  }

  #refuse(fault: Fault): never {
    throw new NotCanonical(fault, this.#path);
  }
}
