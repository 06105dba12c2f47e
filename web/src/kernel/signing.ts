/**
 * Hybrid signatures: Ed25519 and ML-DSA together, or not at all.
 *
 * A signed document is a JWS in the General JSON serialization (RFC 7515, section 7.2.1) with exactly two signatures over
 * one payload: first Ed25519, then ML-DSA. What this module guarantees:
 *
 * - nothing verifies unless both halves verify, under both keys of one pair;
 * - the payload names both keys (`keys`), so no half can be moved under another pair;
 * - there is one spelling: anything else is refused before any key is used.
 *
 * Start at `signJws` and `verifyJws`. Bytes and the numbers of the steps: `docs/spec/signatures.md`.
 */
import * as base64url from "./base64url";
import { type Bytes, utf8, utf8Text } from "./bytes";
import * as canonical from "./canonical";
import type { JsonObject } from "./canonical";
import { type Digest, digestOf } from "./digest";
import { ED25519, ed25519Verifies } from "./edwards";
import { type Kind, LimitExceeded, type Said, TelesphorError } from "./errors";
import { type SigningKey, SUITES, type VerifyKey } from "./keypair";
import { type MlDsa, mlDsaVerifies } from "./mldsa";

/** Room for a request of 1,000 commands with bodies of 10 kB each; the edge usually passes a much lower limit. */
export const JWS_BYTES_MAX = 16 * 1024 * 1024;
/** One signature object is below 6,400 bytes (ML-DSA-87); a document without its payload holds two of them. */
export const DETACHED_BYTES_MAX = 16 * 1024;

/** A signature does not verify, or the document is not one that may be verified at all. */
export class SignatureRefused extends TelesphorError {
  constructor(message: string, said?: Said, code = "signature-refused", kind: Kind = "unauthenticated") {
    super(code, kind, message, said);
  }
}

/** One of the two signatures is missing; the message names which. */
export class HalfSignature extends SignatureRefused {
  constructor(message: string) {
    super(message, {}, "half-signature");
  }
}

/** The bytes are not the one canonical form of a two-signature JWS. */
export class JwsMalformed extends SignatureRefused {
  constructor(message: string, said?: Said) {
    super(message, said, "jws-malformed", "invalid");
  }
}

/** A protected header is not exactly `alg` and `kid` with the values that the key demands. */
export class HeaderRefused extends SignatureRefused {
  constructor(message: string) {
    super(message, {}, "jws-header-refused");
  }
}

/** The document is signed under another suite than that of the key. */
export class SuiteMismatch extends SignatureRefused {
  constructor(message: string) {
    super(message, {}, "suite-mismatch");
  }
}

/** The payload does not name exactly the two keys that sign it. */
export class KeysNotBound extends SignatureRefused {
  constructor() {
    const hint = "set `keys` to the two thumbprints of the pair, Ed25519 first";
    super("the payload does not name exactly the two keys that sign it", { hint }, "keys-not-bound");
  }
}

/** One signature of a JWS as it was read: nothing of it is verified yet. */
export interface JwsSignature {
  readonly alg: string;
  readonly kid: string;
  readonly protected: string;
  readonly signature: Bytes;
}

/** A JWS that is well formed. Its payload is a claim until `verifyJws` has returned it. */
export interface UnverifiedJws {
  readonly payloadBytes: Bytes;
  readonly payload: JsonObject;
  readonly payloadText: string;
  readonly signatures: readonly [JwsSignature, JwsSignature];
}

/**
 * Sign a payload with both keys of the pair; the JWS as canonical JSON.
 *
 * @throws KeysNotBound: its `keys` are not the pair's two thumbprints. NotCanonical: it has no canonical form.
 */
export async function signJws(payload: JsonObject, key: SigningKey): Promise<Bytes> {
  checkBound(payload, key.public);
  const payloadText = base64url.encode(canonical.encode(payload));
  const parts = await signatureParts(payloadText, key);
  return utf8(`${PAYLOAD}${payloadText}${SIGNATURES}${parts}${END}`);
}

/**
 * Parse a JWS strictly, without using any key (steps 1 to 5).
 *
 * @throws LimitExceeded, JwsMalformed, HeaderRefused; HalfSignature when one of the two signatures is not there.
 */
export function readJws(
  data: Uint8Array,
  { limit = JWS_BYTES_MAX }: { readonly limit?: number } = {},
): UnverifiedJws {
  checkLimit(data, limit);
  const text = asciiOf(data);
  const cut = text.indexOf(SIGNATURES);
  if (cut < 0 || !text.startsWith(PAYLOAD)) throw diagnose(data, ["payload", "signatures"]);
  const payloadText = text.slice(PAYLOAD.length, cut);
  const payloadBytes = decodePart(payloadText, "payload");
  const signatures = readSignatures(text.slice(cut + SIGNATURES.length), data, ["payload", "signatures"]);
  return { payloadBytes, payload: readObject(payloadBytes, limit), payloadText, signatures };
}

/** Verify both signatures of a JWS under a pair, and return its payload (steps 1 to 9). */
export async function verifyJws(
  jws: Uint8Array | UnverifiedJws,
  key: VerifyKey,
  { limit = JWS_BYTES_MAX }: { readonly limit?: number } = {},
): Promise<JsonObject> {
  const unverified = jws instanceof Uint8Array ? readJws(jws, { limit }) : jws;
  await verifyParts(unverified, key);
  return unverified.payload;
}

/** Sign content that travels beside its signatures (RFC 7515, appendix F): a canonical object that names the pair's keys. */
export async function signDetached(content: Bytes, key: SigningKey): Promise<Bytes> {
  checkBound(readObject(content, JWS_BYTES_MAX), key.public);
  return utf8(`${DETACHED}${await signatureParts(base64url.encode(content), key)}${END}`);
}

/** Content, and the document that holds its signatures. */
export interface Detached {
  readonly content: Bytes;
  readonly jws: Uint8Array;
}

/** Verify detached signatures; steps and errors as in `verifyJws`. Returns the content, parsed. */
export async function verifyDetached({ content, jws }: Detached, key: VerifyKey): Promise<JsonObject> {
  checkLimit(jws, DETACHED_BYTES_MAX);
  const text = asciiOf(jws);
  if (!text.startsWith(DETACHED)) throw diagnose(jws, ["signatures"]);
  const signatures = readSignatures(text.slice(DETACHED.length), jws, ["signatures"]);
  const payload = readObject(content, JWS_BYTES_MAX);
  await verifyParts(
    { payloadBytes: content, payload, payloadText: base64url.encode(content), signatures },
    key,
  );
  return payload;
}

/** The digest of the decoded payload bytes: the evidence of an entry. It stays when the same payload is signed again. */
export function payloadDigest(data: Uint8Array, limits: { readonly limit?: number } = {}): Digest {
  return digestOf(readJws(data, limits).payloadBytes);
}

// The document has one form only, so it is cut at its fixed marks instead of being parsed as JSON: what is left between
// the marks must be canonical base64url, which holds none of them.
const PAYLOAD = '{"payload":"';
const SIGNATURES = '","signatures":[';
const DETACHED = '{"signatures":[';
const END = "]}";
const PROTECTED = '"protected":"';
const SIGNATURE = '","signature":"';
/** More than two are refused in any case; the bound only keeps the telling why cheap. */
const PARTS_MAX = 8;
const HEADER = /^\{"alg":"([A-Za-z0-9-]{1,32})","kid":"([A-Za-z0-9_-]{43})"\}$/;
const KNOWN_ALGS: readonly string[] = [ED25519, ...Object.values(SUITES)];

async function signatureParts(payloadText: string, key: SigningKey): Promise<string> {
  const [first, second] = protectedOf(key.public);
  const signatures = await key.sign(utf8(`${first}.${payloadText}`), utf8(`${second}.${payloadText}`));
  return [first, second]
    .map((text, half) => `{${PROTECTED}${text}${SIGNATURE}${base64url.encode(signatures[half] as Bytes)}"}`)
    .join(",");
}

function protectedOf(key: VerifyKey): readonly [string, string] {
  const [first, second] = key.thumbprints();
  const header = (alg: string, kid: string) => base64url.encode(canonical.encode({ alg, kid }));
  return [header(key.algs[0], first), header(key.algs[1], second)];
}

function asciiOf(data: Uint8Array): string {
  if (data.some((byte) => byte > 0x7f)) throw new JwsMalformed("the signed document is not ASCII");
  return utf8Text(data);
}

/** Read what follows the opening bracket of the list, to the end of the document. */
function readSignatures(
  rest: string,
  data: Uint8Array,
  members: readonly string[],
): readonly [JwsSignature, JwsSignature] {
  if (rest === END) throw new HalfSignature("the Ed25519 signature and the ML-DSA signature are missing");
  if (!rest.startsWith("{") || !rest.endsWith(`}${END}`)) throw diagnose(data, members);
  const signatures = rest
    .slice(1, -3)
    .split("},{", PARTS_MAX)
    .map((part) => {
      const cut = part.indexOf(SIGNATURE);
      if (cut < 0 || !part.startsWith(PROTECTED) || !part.endsWith('"')) throw diagnose(data, members);
      return readSignature(part.slice(PROTECTED.length, cut), part.slice(cut + SIGNATURE.length, -1));
    });
  return checkBothHalves(signatures);
}

function readSignature(protectedText: string, signature: string): JwsSignature {
  const header = HEADER.exec(latin1Of(decodePart(protectedText, "protected header")));
  if (header === null) {
    throw new HeaderRefused(
      "a protected header of the signature is not exactly `alg` and `kid` in canonical form",
    );
  }
  const [, alg = "", kid = ""] = header;
  return { alg, kid, protected: protectedText, signature: decodePart(signature, "signature") };
}

function checkBothHalves(signatures: readonly JwsSignature[]): readonly [JwsSignature, JwsSignature] {
  const algs = signatures.map((part) => part.alg);
  const unknown = algs.find((alg) => !KNOWN_ALGS.includes(alg));
  if (unknown !== undefined)
    throw new HeaderRefused(`the algorithm \`${unknown}\` is not one that signs here`);
  if (!algs.includes(ED25519)) throw new HalfSignature("the Ed25519 signature is missing");
  if (algs.every((alg) => alg === ED25519)) throw new HalfSignature("the ML-DSA signature is missing");
  const [first, second] = signatures;
  if (signatures.length !== 2 || first?.alg !== ED25519 || second === undefined) {
    throw new JwsMalformed("a signed document has one Ed25519 and then one ML-DSA signature, no more");
  }
  return [first, second];
}

/** Steps 6 to 9. */
async function verifyParts(
  { payloadText, signatures, payload }: UnverifiedJws,
  key: VerifyKey,
): Promise<void> {
  const expected = protectedOf(key);
  if (signatures.some((part, half) => part.alg !== key.algs[half])) {
    throw new SuiteMismatch(`signed with \`${signatures[1].alg}\`, but the key is \`${key.algs[1]}\``);
  }
  signatures.forEach((part, half) => {
    if (part.protected !== expected[half])
      throw new HeaderRefused(`the \`kid\` of the ${part.alg} signature does not name the key`);
  });
  checkBound(payload, key);
  signatures.forEach((part, half) => {
    checkSize(part, key.signatureBytes[half] as number);
  });
  const [first, second] = signatures;
  await verifyEd25519(key.ed25519Pub, first.signature, utf8(`${first.protected}.${payloadText}`));
  await verifyMlDsa(key.algs[1], key.mldsaPub, second.signature, utf8(`${second.protected}.${payloadText}`));
}

/** Verify one Ed25519 signature; throws `SignatureRefused`. */
export async function verifyEd25519(publicBytes: Bytes, signature: Bytes, data: Bytes): Promise<void> {
  if (!(await ed25519Verifies(publicBytes, signature, data))) {
    throw new SignatureRefused(`the ${ED25519} signature does not verify`);
  }
}

/** Verify one ML-DSA signature; throws `SignatureRefused`. */
export async function verifyMlDsa(
  alg: MlDsa,
  publicBytes: Bytes,
  signature: Bytes,
  data: Bytes,
): Promise<void> {
  if (!(await mlDsaVerifies(alg, publicBytes, signature, data))) {
    throw new SignatureRefused(`the ${alg} signature does not verify`);
  }
}

function checkSize(part: JwsSignature, size: number): void {
  if (part.signature.length !== size) {
    throw new SignatureRefused(`the ${part.alg} signature is ${part.signature.length} bytes, not ${size}`);
  }
}

/** INVARIANT: what is signed names both keys, so that neither half means anything alone. */
function checkBound(payload: JsonObject, key: VerifyKey): void {
  const keys = payload.keys;
  const [first, second] = key.thumbprints();
  if (!Array.isArray(keys) || keys.length !== 2 || keys[0] !== first || keys[1] !== second)
    throw new KeysNotBound();
}

function readObject(data: Uint8Array, limit: number): JsonObject {
  const value = decodeJson(data, limit, "the payload is not canonical");
  if (!canonical.isObject(value)) throw new JwsMalformed("the payload is not a JSON object");
  return value;
}

function decodeJson(data: Uint8Array, limit: number, what: string): canonical.Json {
  try {
    return canonical.decode(data, { limit });
  } catch (error) {
    if (!(error instanceof TelesphorError) || error instanceof LimitExceeded) throw error;
    throw new JwsMalformed(`${what}: ${error.message}`, { cause: error });
  }
}

function decodePart(text: string, what: string): Bytes {
  try {
    return base64url.decode(text);
  } catch (cause) {
    throw new JwsMalformed(`the ${what} is not canonical base64url`, { cause });
  }
}

/** Each byte as the letter of its number: no bytes are lost, so none can pass for another. */
function latin1Of(data: Uint8Array): string {
  return Array.from(data, (byte) => String.fromCharCode(byte)).join("");
}

function checkLimit(data: Uint8Array, limit: number): void {
  if (data.length > limit)
    throw new LimitExceeded(`the signed document is ${data.length} bytes; at most ${limit} are read`);
}

/** Say why a document is not in its one form; only reached when it is refused anyway. */
function diagnose(data: Uint8Array, members: readonly string[]): SignatureRefused {
  try {
    if (
      !canonical.hasExactly(
        decodeJson(data, data.length, "the signed document is not canonical JSON"),
        members,
      )
    ) {
      return new JwsMalformed(`the signed document must have exactly the members \`${members.join(", ")}\``);
    }
  } catch (error) {
    if (error instanceof SignatureRefused) return error;
    if (!(error instanceof LimitExceeded)) throw error;
  }
  return new JwsMalformed("a signature must have exactly the members `protected`, `signature` in base64url");
}
