/**
 * Identifiers and nonces.
 *
 * Every id is a UUIDv7 (RFC 9562 section 5.7) in lower-case canonical text: opaque, unguessable enough not to collide,
 * and in the order of time. An id never carries meaning: what it identifies is said by the stream it stands in
 * (`visit/<id>`).
 *
 * INVARIANT: the ids of one `IdSource` increase strictly, also when the clock stands still or goes back.
 */
import * as base64url from "./base64url";
import { type Bytes, randomBytes, toHex } from "./bytes";
import { type Clock, INSTANT_MS_MAX } from "./clock";
import { type Said, TelesphorError } from "./errors";

export type ActorId = string;
export type ObjectId = string;
export type VisitId = string;

/** 128 bits: no two of 2^48 nonces collide but with probability 2^-33. */
export const NONCE_BYTES = 16;

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const STREAM_KIND = /^[a-z][a-z0-9-]{0,31}$/;
/** Bits behind the version and the variant: `rand_b`. */
const LOW_BITS = 62n;
/** The counter starts with its top bit clear: room to count within a millisecond. */
const SEED_BITS = 61n;
const VARIANT = 0b10n << LOW_BITS;

/** Text that is not a lower-case UUIDv7, or not a stream name. */
export class InvalidId extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("invalid-id", "invalid", message, said);
  }
}

/** Makes ids, nonces and random bytes. */
export class IdSource {
  readonly #clock: Clock;
  readonly #random: (count: number) => Bytes;
  #lastMs = 0;
  #high = 0n;
  #low = 0n;

  /** @param random anything but the default is for tests. */
  constructor(clock: Clock, random: (count: number) => Bytes = randomBytes) {
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * A new UUIDv7, greater than every one before it.
   *
   * In a new millisecond all 74 random bits are drawn anew; within one, a random step of up to 32 bits is added to the
   * lower 62 (RFC 9562 section 6.2, method 2). Should they overflow, or the clock stand behind, the ids run ahead of it.
   */
  next(): string {
    const ms = this.#clock.nowMs();
    if (ms > this.#lastMs) this.#begin(ms);
    else this.#low += 1n + this.#draw(4);
    if (this.#low >> LOW_BITS !== 0n) this.#begin(this.#lastMs + 1);
    return this.#text();
  }

  /** 16 random bytes as 22 characters of base64url: a request's nonce. */
  nonce(): string {
    return base64url.encode(this.#random(NONCE_BYTES));
  }

  /** `count` random bytes, for keys. */
  randomBytes(count: number): Bytes {
    return this.#random(count);
  }

  #begin(ms: number): void {
    if (!Number.isInteger(ms) || ms > INSTANT_MS_MAX)
      throw new InvalidId("the clock stands where no id can be made");
    this.#lastMs = ms;
    this.#high = this.#draw(2) & 0xfffn;
    this.#low = this.#draw(8) & ((1n << SEED_BITS) - 1n);
  }

  #draw(count: number): bigint {
    return BigInt(`0x${toHex(this.#random(count))}`);
  }

  #text(): string {
    const value = (BigInt(this.#lastMs) << 80n) | (0x7n << 76n) | (this.#high << 64n) | VARIANT | this.#low;
    const digits = value.toString(16).padStart(32, "0");
    return [
      digits.slice(0, 8),
      digits.slice(8, 12),
      digits.slice(12, 16),
      digits.slice(16, 20),
      digits.slice(20),
    ].join("-");
  }
}

/** The same text, when it is a lower-case canonical UUIDv7; throws `InvalidId`. */
export function parseId(text: unknown): string {
  if (typeof text !== "string" || !ID.test(text)) throw new InvalidId("the id is not a lower-case UUIDv7");
  return text;
}

/** The stream name of the thing of this kind and id, such as `visit/0192...`; throws `InvalidId`. */
export function streamOf(kind: string, id: string): string {
  if (!STREAM_KIND.test(kind)) throw new InvalidId("the stream's kind is not a short lower-case word");
  return `${kind}/${parseId(id)}`;
}

/** The kind and the id of a stream name; throws `InvalidId`. */
export function parseStream(text: unknown): { readonly kind: string; readonly id: string } {
  const [kind = "", id = "", ...more] = typeof text === "string" ? text.split("/") : [];
  if (more.length > 0 || !STREAM_KIND.test(kind))
    throw new InvalidId("the stream does not have the form `kind/uuid`");
  return { kind, id: parseId(id) };
}
