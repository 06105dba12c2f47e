/**
 * Values of factors: what a credential says, who vouches for it, and what can be refused.
 *
 * A factor is one granular statement about a person. Bounds and words are those of the Python node
 * (`capabilities/identity/credentials/model.py`), so that both read the same credentials and refuse by the same codes.
 */
import { type Digest, type Kind, type Said, TelesphorError, type VerifyKey } from "~/kernel";

export const GROUPS = ["identity", "licence", "insurance", "employment", "device"] as const;
export type Group = (typeof GROUPS)[number];

export const PURPOSES = ["treatment", "payment", "operations", "patient-request", "emergency"] as const;
export type Purpose = (typeof PURPOSES)[number];

/** Two public pairs, two signatures and 64 disclosures of the largest size come to under 100 KB. */
export const CREDENTIAL_BYTES_MAX = 128 * 1024;
/** Factors of one group: no identity document has as many fields. */
export const FACTORS_MAX = 48;
/** Factors and decoys together. */
export const DIGESTS_MAX = 64;
/** Different ways in which the factors of one credential are vouched for. */
export const VOUCHINGS_MAX = 16;
/** A factor is a granular statement, not a document. */
export const VALUE_CHARS_MAX = 512;
/** How far another machine's clock may run ahead. The end of a credential gets no such allowance. */
export const CLOCK_SKEW_MS = 60_000;

export type FactorValue = boolean | number | string;

/** Who stands for a factor, and when it was last verified. */
export interface Vouching {
  /** `self`: the holder says so, and nobody checked. */
  readonly vouched: "issuer" | "self";
  readonly vouched_by: string;
  readonly verified_at: string;
}

export interface Factor {
  readonly name: string;
  readonly value: FactorValue;
  readonly vouching: Vouching;
}

/** A verified credential: only what was disclosed is in `factors`, in the order of their names. */
export interface Credential {
  readonly group: Group;
  readonly issuer: string;
  readonly factors: readonly Factor[];
  /** The pair that it was issued to, and that must bind any presentation of it. */
  readonly holder: VerifyKey;
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** Of the payload: the one name of the credential on the ledger. */
  readonly digest: Digest;
}

/** A credential, a request or an answer is refused; `code` is the word that the Python node has for the same fault. */
export class CredentialRefused extends TelesphorError {
  constructor(code: string, message: string, said: Said & { readonly kind?: Kind } = {}) {
    super(code, said.kind ?? "invalid", message, said);
  }
}

/** The value as text, as requests and rules compare it: `true`, `false`, a decimal number, or the text itself. */
export function factorText({ value }: Pick<Factor, "value">): string {
  return String(value);
}

export function isGroup(text: unknown): text is Group {
  return GROUPS.includes(text as Group);
}
