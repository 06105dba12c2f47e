/**
 * Disclosures: a salt, a factor's name and its value; the issuer signs only their digests.
 *
 * `[salt, name, value]` as canonical JSON in base64url, digested by SHA-256 over that text (RFC 9901, sections 4.2 and 4.3).
 * Bytes: `docs/spec/credentials.md`. Start at `matchDisclosures`.
 */
import { base64url, canonical, sha256, utf8 } from "~/kernel";
import {
  CredentialRefused,
  type Factor,
  FACTORS_MAX,
  type FactorValue,
  VALUE_CHARS_MAX,
  type Vouching,
} from "./model";

/** 16 bytes as base64url. A shorter salt would let a hidden value be guessed from its digest. */
const SALT_CHARS_MIN = 22;
/** The largest value with each character escaped, a name and a salt, in base64url. */
export const DISCLOSURE_CHARS_MAX = (6 * VALUE_CHARS_MAX * 4) / 3 + 512;
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** Claims of the credential itself: a disclosure that could say one of these could change what was signed. */
const RESERVED: readonly string[] = [
  ...["_sd", "_sd_alg", "aka_vcts", "aud", "cnf", "exp", "group", "iat", "iss", "jti", "keys", "nbf"],
  ...["nonce", "status", "sub", "vct", "vouching"],
];

/** What the issuer signed of its disclosures. */
export interface SignedDigests {
  readonly digests: readonly string[];
  readonly vouchings: readonly Vouching[];
  /** For each digest, in its place, an index into `vouchings`. */
  readonly vouchedAs: readonly number[];
}

export interface Disclosed {
  readonly digest: string;
  readonly name: string;
  readonly value: FactorValue;
}

/** The factors that these disclosures show, by name; throws `CredentialRefused`. */
export function matchDisclosures(texts: readonly string[], signed: SignedDigests): Factor[] {
  const places = new Map(signed.digests.map((digest, at) => [digest, signed.vouchedAs[at]]));
  if (places.size !== signed.digests.length)
    throw new CredentialRefused("digest-repeated", "the credential has the same digest twice");
  if (texts.length > FACTORS_MAX) {
    const message = `a credential has at most \`${FACTORS_MAX}\` disclosures`;
    throw new CredentialRefused("credential-too-large", message, { kind: "too-large" });
  }
  const factors = new Map<string, Factor>();
  for (const { digest, name, value } of texts.map(readDisclosure)) {
    // A repetition is told before a mismatch: the second of two equal ones matches as well as the first.
    if (factors.has(name))
      throw new CredentialRefused(
        "disclosure-repeated",
        "a disclosure, or the name in it, stands there twice",
      );
    const vouching = signed.vouchings[places.get(digest) ?? -1];
    if (vouching === undefined)
      throw new CredentialRefused("disclosure-unmatched", "a disclosure is not one that the issuer signed");
    factors.set(name, { name, value, vouching });
  }
  return [...factors.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** One disclosure, in its one form. What is wrong inside is not said: it would quote what was disclosed. */
export function readDisclosure(text: string): Disclosed {
  if (text.length > DISCLOSURE_CHARS_MAX) throw malformed("a disclosure is larger than a factor can be");
  const [salt, name, value, ...more] = partsOf(text);
  if (typeof salt !== "string" || typeof name !== "string" || !isValue(value) || more.length > 0)
    throw malformed("a disclosure is not a salt, a name and a plain value");
  if (salt.length < SALT_CHARS_MIN) throw malformed("the salt of a disclosure is too short");
  if (!NAME.test(name) || RESERVED.includes(name))
    throw new CredentialRefused("factor-name-refused", "a factor has a name that no factor may have");
  return { digest: base64url.encode(sha256(utf8(text))), name, value };
}

function partsOf(text: string): readonly unknown[] {
  try {
    const value = canonical.decode(base64url.decode(text), { limit: DISCLOSURE_CHARS_MAX });
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isValue(value: unknown): value is FactorValue {
  if (typeof value === "string") return [...value].length <= VALUE_CHARS_MAX;
  return typeof value === "boolean" || typeof value === "number";
}

function malformed(message: string): CredentialRefused {
  return new CredentialRefused("disclosure-malformed", message);
}
