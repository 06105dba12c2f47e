/** Public pairs: Ed25519 with one ML-DSA key, always both (`docs/spec/signatures.md`). */

import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "./bytes";
import { base64url, fromBase64url, utf8 } from "./bytes";
import type { Json, JsonObject } from "./json";
import { get, hasExactly, isArray, isObject, jsonText, writeJson } from "./json";
import { digestOf } from "./names";
import type { MlDsaName } from "./primitives";
import { ML_DSA } from "./primitives";
import { recast, refuse } from "./refusal";

export type Suite = "ACTOR" | "ROOT" | "WITNESS";

export const SUITES: Readonly<Record<Suite, MlDsaName>> = {
  ACTOR: "ML-DSA-65",
  ROOT: "ML-DSA-87",
  WITNESS: "ML-DSA-44",
};
export const ED25519 = "Ed25519";

export interface VerifyKey {
  readonly suite: Suite;
  readonly mlDsaName: MlDsaName;
  readonly ed25519: Bytes;
  readonly mlDsa: Bytes;
  readonly jwks: Json;
  readonly thumbprints: readonly [string, string];
  /** The one protected header of each signature under this pair. */
  readonly headers: readonly [string, string];
  /** One name for the pair. */
  readonly keyId: string;
}

/** A pair of these keys (`key-refused`). */
export function verifyKey(suite: Suite, ed25519: Bytes, mlDsa: Bytes): VerifyKey {
  const mlDsaName = SUITES[suite];
  if (ed25519.length !== 32) refuse("key-refused", "the Ed25519 public key must be exactly 32 bytes");
  if (mlDsa.length !== ML_DSA[mlDsaName].publicBytes)
    refuse("key-refused", "the ML-DSA public key is of another size");
  const [x, pub] = [base64url(ed25519), base64url(mlDsa)];
  const thumbprints = [
    thumbprint({ crv: ED25519, kty: "OKP", x }),
    thumbprint({ alg: mlDsaName, kty: "AKP", pub }),
  ] as const;
  return {
    suite,
    mlDsaName,
    ed25519,
    mlDsa,
    jwks: [
      { alg: ED25519, crv: ED25519, kty: "OKP", x },
      { alg: mlDsaName, kty: "AKP", pub },
    ],
    thumbprints,
    headers: [protectedHeader(ED25519, thumbprints[0]), protectedHeader(mlDsaName, thumbprints[1])],
    keyId: digestOf(writeJson([...thumbprints])),
  };
}

/** A pair of exactly two JWKs, in their order (`key-refused`). */
export function keyFromJwks(value: Json | undefined): VerifyKey {
  if (!isArray(value) || value.length !== 2)
    refuse("key-refused", "a pair of keys is a list of exactly two JWKs");
  const [first, second] = value;
  const alg = isObject(second) ? get(second, "alg") : undefined;
  const suite = (Object.keys(SUITES) as Suite[]).find((one) => SUITES[one] === alg);
  if (suite === undefined) refuse("key-refused", "the second JWK must be an ML-DSA key of a known suite");
  const ed25519 = keyBytes(first, { kty: "OKP", crv: ED25519, alg: ED25519 }, "x");
  return verifyKey(suite, ed25519, keyBytes(second, { kty: "AKP", alg: SUITES[suite] }, "pub"));
}

function keyBytes(jwk: Json | undefined, fixed: Readonly<Record<string, string>>, member: string): Bytes {
  const whole = isObject(jwk) && hasExactly(jwk, [...Object.keys(fixed), member]);
  if (!whole) refuse("key-refused", "a JWK has other members than it must");
  const text = get(jwk, member);
  const fits = Object.entries(fixed).every(([name, wanted]) => get(jwk, name) === wanted);
  if (!fits || typeof text !== "string") refuse("key-refused", "a JWK is of another kind than it must be");
  return recast("key-refused", `the member \`${member}\` of a JWK is refused`, () => fromBase64url(text));
}

/** RFC 7638, section 3.2, over the members that RFC 8037 and RFC 9964 name. */
function thumbprint(members: JsonObject): string {
  return base64url(sha256(writeJson(members)));
}

function protectedHeader(alg: string, kid: string): string {
  return base64url(utf8(jsonText({ alg, kid })));
}
