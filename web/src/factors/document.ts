/**
 * The bytes of a credential: JWS JSON, General serialization (RFC 9901, section 8), in one canonical form.
 *
 * Two signatures over one payload, Ed25519 and then ML-DSA-65; the first one's unprotected header holds the disclosures and,
 * in a presentation, the two key bindings. Nothing here verifies a signature. Start at `readDocument` and `writeDocument`;
 * the order of the refusals is that of `docs/spec/credentials.md`.
 */
import { base64url, type Bytes, canonical, type Json, type JsonObject, VerifyKey } from "~/kernel";
import { DISCLOSURE_CHARS_MAX } from "./disclosures";
import {
  CREDENTIAL_BYTES_MAX,
  CredentialRefused,
  DIGESTS_MAX,
  type Group,
  isGroup,
  type Vouching,
  VOUCHINGS_MAX,
} from "./model";

export const ALGS = ["Ed25519", "ML-DSA-65"] as const;
const TYP = "dc+sd-jwt";
const SD_ALG = "sha-256";
/** NumericDate up to the end of the year 9999. */
const SECONDS_MAX = 253_402_300_799;
const HEADER_BYTES_MAX = 1024;
const SIGNATURES_MAX = 8;
const STATUS_INDEX_MAX = 2 ** 20 - 1;

/** What the issuer signed, well formed. */
export interface Payload {
  readonly group: Group;
  readonly iss: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly keys: readonly [string, string];
  readonly holder: VerifyKey;
  readonly digests: readonly string[];
  readonly vouchings: readonly Vouching[];
  readonly vouchedAs: readonly number[];
}

/** One signature as it travels: header and signature in base64url. */
export interface Signed {
  readonly protected: string;
  readonly signature: string;
}

/** A credential or presentation that is well formed. Its payload is a claim until both halves verify. */
export interface Document {
  readonly payload: Payload;
  readonly payloadText: string;
  readonly payloadBytes: Bytes;
  readonly signatures: readonly [Signed, Signed];
  readonly disclosures: readonly string[];
  /** Of a presentation: by ML-DSA-65 and by Ed25519. */
  readonly keyBindings: readonly [string, string] | null;
}

/** The canonical bytes of a credential, or of a presentation when there are key bindings. */
export function writeDocument(document: Omit<Document, "payload" | "payloadBytes">): Bytes {
  const { payloadText, signatures, disclosures, keyBindings } = document;
  const bound = keyBindings === null ? {} : { kb_jwt: keyBindings[0], kb_jwt_ed25519: keyBindings[1] };
  const [first, second] = signatures;
  const header = { disclosures: [...disclosures], ...bound };
  return canonical.encode({ payload: payloadText, signatures: [{ ...first, header }, { ...second }] });
}

/** Parse a credential or a presentation strictly, using no key; throws `CredentialRefused`. */
export function readDocument(data: Uint8Array): Document {
  if (data.length > CREDENTIAL_BYTES_MAX) {
    const message = `a credential of \`${data.length}\` bytes is larger than \`${CREDENTIAL_BYTES_MAX}\``;
    throw new CredentialRefused("credential-too-large", message, { kind: "too-large" });
  }
  const form = decodeJson(data, "the credential");
  if (!canonical.hasExactly(form, ["payload", "signatures"]) || typeof form.payload !== "string")
    throw malformed("the credential does not have exactly the members it must have");
  const payloadBytes = decodePart(form.payload);
  const parts = readParts(form.signatures);
  const signatures = readSignatures(parts);
  const raw = decodeJson(payloadBytes, "the payload of the credential");
  const payload = readPayload(raw);
  signatures.forEach((signed, half) => {
    if (decodeText(signed.protected) !== headerText(half as 0 | 1, payload.keys, TYP))
      throw refusedHeader("a protected header is not exactly `alg`, `kid` and `typ`");
  });
  checkType(raw as JsonObject);
  const { disclosures, keyBindings } = readHeader(parts[0]?.header);
  return {
    payload,
    payloadText: form.payload,
    payloadBytes,
    signatures,
    disclosures,
    keyBindings,
  };
}

/** The one protected header that a half may have, as canonical JSON. */
export function headerText(half: 0 | 1, keys: readonly [string, string], typ: string): string {
  return canonical.encodeText({ alg: ALGS[half], kid: keys[half], typ });
}

interface Part extends Signed {
  readonly header: JsonObject | undefined;
}

function readParts(value: Json | undefined): Part[] {
  if (!Array.isArray(value) || value.length > SIGNATURES_MAX)
    throw malformed("the credential has no list of signatures");
  return value.map((part: Json) => {
    if (!canonical.isObject(part)) throw malformed("a signature of the credential is none");
    const { header, protected: protectedText, signature, ...more } = part;
    const plain = typeof protectedText === "string" && typeof signature === "string";
    if (!plain || Object.keys(more).length > 0 || (header !== undefined && !canonical.isObject(header)))
      throw malformed("a signature of the credential is none");
    return { protected: protectedText, signature, header };
  });
}

function readSignatures(parts: readonly Part[]): readonly [Signed, Signed] {
  const algs = parts.map(({ protected: text }) => algOf(text));
  // Told before the halves are counted: a signature by anything else is an attempt, not an omission.
  if (algs.some((alg) => !ALGS.includes(alg as (typeof ALGS)[number]))) {
    const message = "a signature is by an algorithm that signs no credentials";
    throw new CredentialRefused("credential-algorithm-refused", message, { kind: "unauthenticated" });
  }
  const missing = ALGS.find((alg) => !algs.includes(alg));
  if (missing !== undefined) {
    const message = `the ${missing} signature of the issuer is missing`;
    throw new CredentialRefused("credential-half-missing", message, { kind: "unauthenticated" });
  }
  const [first, second] = parts;
  const inOrder = parts.length === 2 && algs[0] === ALGS[0] && second?.header === undefined;
  if (!inOrder || first === undefined || second === undefined)
    throw malformed("a credential has one Ed25519 and then one ML-DSA-65 signature, no more");
  for (const { signature } of [first, second]) decodePart(signature);
  return [
    { protected: first.protected, signature: first.signature },
    { protected: second.protected, signature: second.signature },
  ];
}

function algOf(text: string): unknown {
  const data = decodePart(text);
  try {
    const header = canonical.decode(data, { limit: HEADER_BYTES_MAX });
    return canonical.isObject(header) ? header.alg : null;
  } catch {
    throw refusedHeader("a protected header is not canonical JSON");
  }
}

const MEMBERS = ["_sd", "_sd_alg", "cnf", "exp", "group", "iat", "iss", "keys", "nbf", "vct", "vouching"];

function readPayload(value: Json): Payload {
  if (!canonical.isObject(value)) throw wrongMembers();
  const { sub, status, ...claims } = value;
  const vouching = claims.vouching;
  const holds =
    canonical.hasExactly(claims, MEMBERS) &&
    (sub === undefined || isUri(sub)) &&
    (status === undefined || isStatus(status)) &&
    isUri(claims.iss) &&
    [claims.iat, claims.nbf, claims.exp].every((at) => isCount(at, SECONDS_MAX)) &&
    isTexts(claims.keys, DIGEST, 2) &&
    (claims.keys as Json[]).length === 2 &&
    isTexts(claims._sd, DIGEST, DIGESTS_MAX) &&
    [claims.vct, claims.group, claims._sd_alg].every((text) => typeof text === "string") &&
    canonical.hasExactly(vouching, ["by", "of"]) &&
    isList(vouching.by, VOUCHINGS_MAX) &&
    vouching.by.length > 0 &&
    vouching.by.every(isVouching) &&
    isList(vouching.of, DIGESTS_MAX) &&
    vouching.of.every((at) => isCount(at, VOUCHINGS_MAX - 1));
  if (!holds) throw wrongMembers();
  const { by, of } = vouching as unknown as { by: Vouching[]; of: number[] };
  return {
    group: claims.group as Group,
    iss: claims.iss as string,
    iat: claims.iat as number,
    nbf: claims.nbf as number,
    exp: claims.exp as number,
    keys: claims.keys as unknown as readonly [string, string],
    holder: readHolder(claims.cnf),
    digests: claims._sd as unknown as string[],
    vouchings: by,
    vouchedAs: of,
  };
}

function readHolder(cnf: Json | undefined): VerifyKey {
  if (canonical.hasExactly(cnf, ["ed25519", "jwk"])) {
    try {
      const key = VerifyKey.fromJwks([cnf.ed25519, cnf.jwk]);
      if (key.suite === "ACTOR") return key;
    } catch {
      // told below
    }
  }
  throw malformed("the credential does not name a pair of keys of its holder");
}

function checkType(payload: JsonObject): void {
  const { group, vct, vouching, _sd } = payload as JsonObject & { vouching: { by: Json[]; of: number[] } };
  if (!isGroup(group) || vct !== `urn:telesphor:credential:${group}:1`)
    throw new CredentialRefused(
      "credential-type-unknown",
      "the type of the credential is not one known here",
    );
  if (payload._sd_alg !== SD_ALG)
    throw new CredentialRefused("credential-hash-refused", `the disclosures are not hashed by \`${SD_ALG}\``);
  if (vouching.of.length !== (_sd as Json[]).length || Math.max(...vouching.of) >= vouching.by.length)
    throw malformed("the credential does not say of each digest who vouches for it");
}

function readHeader(header: JsonObject | undefined): Pick<Document, "disclosures" | "keyBindings"> {
  if (header === undefined) throw malformed("the first signature has no header with the disclosures");
  const { disclosures, kb_jwt: mlDsa, kb_jwt_ed25519: ed25519, ...more } = header;
  const listed =
    isList(disclosures, DIGESTS_MAX) &&
    disclosures.every((text) => typeof text === "string" && text.length <= DISCLOSURE_CHARS_MAX);
  const bound = [mlDsa, ed25519].every((one) => one === undefined || typeof one === "string");
  if (!listed || !bound || Object.keys(more).length > 0) throw wrongMembers();
  const texts = disclosures as unknown as string[];
  if (mlDsa === undefined && ed25519 === undefined) return { disclosures: texts, keyBindings: null };
  // One half alone is no binding at all; which of the two is missing is for whoever verifies presentations.
  return { disclosures: texts, keyBindings: [String(mlDsa ?? ""), String(ed25519 ?? "")] };
}

const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const URI = /^[!-~]{1,255}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export function isList(value: Json | undefined, max: number): value is readonly Json[] {
  return Array.isArray(value) && value.length <= max;
}

export function isTexts(value: Json | undefined, form: RegExp, max: number): value is readonly string[] {
  return (
    isList(value, max) && value.length > 0 && value.every((one) => typeof one === "string" && form.test(one))
  );
}

export function isCount(value: Json | undefined, max: number): value is number {
  return typeof value === "number" && value >= 0 && value <= max;
}

function isUri(value: Json | undefined): boolean {
  return typeof value === "string" && URI.test(value);
}

function isStatus(value: Json): boolean {
  if (!canonical.hasExactly(value, ["status_list"])) return false;
  const list = value.status_list;
  return canonical.hasExactly(list, ["idx", "uri"]) && isCount(list.idx, STATUS_INDEX_MAX) && isUri(list.uri);
}

function isVouching(value: Json): boolean {
  return (
    canonical.hasExactly(value, ["vouched", "vouched_by", "verified_at"]) &&
    (value.vouched === "issuer" || value.vouched === "self") &&
    isUri(value.vouched_by) &&
    typeof value.verified_at === "string" &&
    INSTANT.test(value.verified_at)
  );
}

function decodeJson(data: Uint8Array, what: string): Json {
  try {
    return canonical.decode(data, { limit: data.length });
  } catch (cause) {
    throw new CredentialRefused("credential-malformed", `${what} is not canonical JSON`, { cause });
  }
}

function decodePart(text: string): Bytes {
  try {
    return base64url.decode(text);
  } catch (cause) {
    const message = "a part of the credential is not canonical base64url";
    throw new CredentialRefused("credential-malformed", message, { cause });
  }
}

function decodeText(text: string): string {
  return String.fromCharCode(...decodePart(text));
}

function wrongMembers(): CredentialRefused {
  return malformed("the credential does not have exactly the members it must have");
}

function malformed(message: string): CredentialRefused {
  return new CredentialRefused("credential-malformed", message);
}

function refusedHeader(message: string): CredentialRefused {
  return new CredentialRefused("credential-header-refused", message);
}
