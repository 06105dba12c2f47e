/**
 * The one root of all errors.
 *
 * Every refusal is a `TelesphorError` with a stable `code` (programs match on it), a `kind`, a public message and, where
 * the reader can act, a hint. The codes are those of the Python kernel, so that both say the same word for one fault.
 *
 * INVARIANT: no patient data, key or token is ever put into a message or a hint.
 */

/** What sort of refusal it is. */
export type Kind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "gone"
  | "too-large"
  | "range"
  | "overloaded"
  | "storage"
  | "corrupt"
  | "internal";

/** What an error may say besides its message. */
export interface Said {
  /** What the reader can do about it. */
  readonly hint?: string;
  /** For the console of whoever searches for a fault; never shown. */
  readonly cause?: unknown;
}

/** Root of all errors; `message` is one lower-case sentence with input in backticks. */
export class TelesphorError extends Error {
  readonly code: string;
  readonly kind: Kind;
  readonly hint: string;

  constructor(code: string, kind: Kind, message: string, said: Said = {}) {
    super(message, said.cause === undefined ? undefined : { cause: said.cause });
    this.name = "TelesphorError";
    this.code = code;
    this.kind = kind;
    this.hint = said.hint ?? "";
  }
}

/** Something is larger than its named bound allows. */
export class LimitExceeded extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("limit-exceeded", "too-large", message, said);
  }
}
