/**
 * Signed documents (`docs/spec/signatures.md`): a JWS with exactly two signatures over one payload, which count
 * together or not at all. The document has one form only, so it is cut at its fixed marks; whatever lies between
 * them must be canonical base64url, which holds none of them.
 *
 * Start at `readJws` and `verifyJws`.
 */

import type { Bytes } from "./bytes";
import { asciiText, base64url, fromBase64url, utf8 } from "./bytes";
import type { JsonObject } from "./json";
import { get, isArray, isObject, readJson } from "./json";
import type { VerifyKey } from "./keypair";
import { ED25519, SUITES } from "./keypair";
import { digestOf } from "./names";
import { ML_DSA, ed25519Verifies, mlDsaVerifies } from "./primitives";
import { recast, refuse } from "./refusal";

export const JWS_BYTES_MAX = 16 * 1024 * 1024;
const DETACHED_BYTES_MAX = 16 * 1024;
const PARTS_MAX = 9;
const PAYLOAD = '{"payload":"';
const SIGNATURES = '","signatures":[';
const DETACHED = '{"signatures":[';
const END = "]}";
const PROTECTED = '"protected":"';
const SIGNATURE = '","signature":"';
const HEADER = /^\{"alg":"([A-Za-z0-9-]{1,32})","kid":"([A-Za-z0-9_-]{43})"\}$/;
const ED25519_SIGNATURE_BYTES = 64;

interface Part {
  readonly alg: string;
  readonly header: string;
  readonly signature: Bytes;
}

/** A document that is well formed; its payload is a claim until `verifyJws` has passed. */
export interface Jws {
  readonly payload: JsonObject;
  readonly payloadText: string;
  /** Of the payload's bytes: the evidence of an entry. */
  readonly digest: string;
  readonly parts: readonly [Part, Part];
}

/** Reads a document without using any key. */
export function readJws(data: Bytes, limit: number = JWS_BYTES_MAX): Jws {
  if (data.length > limit) refuse("limit-exceeded", `the signed document is larger than ${limit} bytes`);
  const text = asciiText(data) ?? malformed();
  const cut = text.indexOf(SIGNATURES);
  if (cut < 0 || !text.startsWith(PAYLOAD) || cut < PAYLOAD.length) malformed();
  const payloadText = text.slice(PAYLOAD.length, cut);
  const payloadBytes = decodePart(payloadText);
  const parts = readParts(text.slice(cut + SIGNATURES.length));
  return { payload: readPayload(payloadBytes, limit), payloadText, digest: digestOf(payloadBytes), parts };
}

/** The payload, when both signatures verify under both keys of the pair. */
export function verifyJws(jws: Jws, key: VerifyKey): JsonObject {
  verifyParts(jws.payloadText, jws.parts, jws.payload, key);
  return jws.payload;
}

/** Verifies signatures that travel beside their content (RFC 7515, appendix F). */
export function verifyDetached(content: Bytes, data: Bytes, key: VerifyKey): void {
  if (data.length > DETACHED_BYTES_MAX) {
    refuse("limit-exceeded", `the signed document is larger than ${DETACHED_BYTES_MAX} bytes`);
  }
  const text = asciiText(data) ?? malformed();
  if (!text.startsWith(DETACHED)) malformed();
  const parts = readParts(text.slice(DETACHED.length));
  verifyParts(base64url(content), parts, readPayload(content, JWS_BYTES_MAX), key);
}

function malformed(): never {
  refuse(
    "jws-malformed",
    "the signed document is not the one canonical form of two signatures over a payload",
  );
}

/** What follows the opening bracket of the list, to the end of the document. */
function readParts(rest: string): readonly [Part, Part] {
  if (rest === END) refuse("half-signature", "the Ed25519 signature and the ML-DSA signature are missing");
  if (!rest.startsWith("{") || !rest.endsWith(`}${END}`)) malformed();
  const parts = splitAtMost(rest.slice(1, -3), "},{", PARTS_MAX).map(readPart);
  const algorithms = parts.map((part) => part.alg);
  const known: readonly string[] = [ED25519, ...Object.values(SUITES)];
  if (!algorithms.every((alg) => known.includes(alg))) {
    refuse("jws-header-refused", "an algorithm of the signature is not one that signs here");
  }
  if (!algorithms.includes(ED25519)) refuse("half-signature", "the Ed25519 signature is missing");
  if (algorithms.every((alg) => alg === ED25519)) refuse("half-signature", "the ML-DSA signature is missing");
  const [first, second] = parts;
  if (parts.length !== 2 || first?.alg !== ED25519 || second === undefined) malformed();
  return [first, second];
}

function splitAtMost(text: string, mark: string, most: number): string[] {
  const parts = text.split(mark);
  return parts.length <= most ? parts : [...parts.slice(0, most - 1), parts.slice(most - 1).join(mark)];
}

function readPart(part: string): Part {
  const cut = part.indexOf(SIGNATURE);
  if (cut < 0 || !part.startsWith(PROTECTED) || cut < PROTECTED.length || !part.endsWith('"')) malformed();
  const header = part.slice(PROTECTED.length, cut);
  const said = asciiText(decodePart(header));
  const alg = said === null ? null : HEADER.exec(said);
  if (alg?.[1] === undefined) {
    refuse("jws-header-refused", "a protected header is not exactly `alg` and `kid` in canonical form");
  }
  return { alg: alg[1], header, signature: decodePart(part.slice(cut + SIGNATURE.length, -1)) };
}

function decodePart(text: string): Bytes {
  return recast("jws-malformed", "a part of the signed document is refused", () => fromBase64url(text));
}

function readPayload(data: Bytes, limit: number): JsonObject {
  const value = recast("jws-malformed", "the payload is refused", () => readJson(data, limit), [
    "not-canonical",
  ]);
  if (!isObject(value)) malformed();
  return value;
}

function verifyParts(
  payloadText: string,
  parts: readonly [Part, Part],
  payload: JsonObject,
  key: VerifyKey,
): void {
  if (parts[1].alg !== key.mlDsaName) refuse("suite-mismatch", "the document is signed under another suite");
  if (parts[0].header !== key.headers[0] || parts[1].header !== key.headers[1]) {
    refuse("jws-header-refused", "the `kid` of a signature does not name the key");
  }
  const bound = get(payload, "keys");
  const isBound =
    isArray(bound) && bound.length === 2 && bound.every((name, at) => name === key.thumbprints[at]);
  if (!isBound) refuse("keys-not-bound", "the payload does not name exactly the two keys that sign it");
  checkHalf(parts[0], payloadText, ED25519_SIGNATURE_BYTES, (signed, signature) =>
    ed25519Verifies(key.ed25519, signed, signature),
  );
  checkHalf(parts[1], payloadText, ML_DSA[key.mlDsaName].signatureBytes, (signed, signature) =>
    mlDsaVerifies(key.mlDsaName, key.mlDsa, signed, signature),
  );
}

type Verifies = (signed: Bytes, signature: Bytes) => boolean;

function checkHalf(part: Part, payloadText: string, size: number, verifies: Verifies): void {
  const signed = utf8(`${part.header}.${payloadText}`);
  if (part.signature.length !== size || !verifies(signed, part.signature)) {
    refuse("signature-refused", `the ${part.alg} signature does not verify`);
  }
}
