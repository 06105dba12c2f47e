/**
 * Hybrid SD-JWT VC as its holder has it: verify what an issuer handed over, show parts of it.
 *
 * The form is RFC 9901 in JWS JSON with two signatures, Ed25519 and ML-DSA-65, over one payload that names both keys. What
 * these functions guarantee: nothing is taken in unless both halves verify under one pair and every disclosure is one that
 * the issuer signed; and what is shown is signed by both halves of the holder's pair over exactly these disclosures, for one
 * audience, in answer to one nonce. Status is the node's to say. Bytes: `docs/spec/credentials.md`.
 */
import {
  base64url,
  type Bytes,
  canonical,
  digestOf,
  sha256,
  type SigningKey,
  utf8,
  verifyEd25519,
  type VerifyKey,
  verifyMlDsa,
} from "~/kernel";
import { matchDisclosures, readDisclosure } from "./disclosures";
import { ALGS, type Document, headerText, readDocument, writeDocument } from "./document";
import { CLOCK_SKEW_MS, type Credential, CredentialRefused } from "./model";

const KB_TYP = "kb+jwt";
const PROOF_TYP = "openid4vci-proof+jwt";
const NONCE_CHARS_MAX = 128;
const AUDIENCE_CHARS_MAX = 255;

/**
 * Verify a credential as its holder got it; never a presentation.
 *
 * 1. It is well formed, and carries no key binding.
 * 2. It names the issuer's two keys, and both signatures verify.
 * 3. It has begun, and has not ended.
 * 4. Each disclosure is one that the issuer signed, once.
 */
export async function verifyCredential(
  data: Uint8Array,
  { issuer, nowMs }: { readonly issuer: VerifyKey; readonly nowMs: number },
): Promise<Credential> {
  const document = readDocument(data);
  if (document.keyBindings !== null) {
    const message = "this is a presentation of a credential, not the credential";
    throw new CredentialRefused("key-binding-unexpected", message);
  }
  await checkSignatures(document, issuer);
  checkTimes(document, nowMs);
  const { group, iss, holder, iat, exp } = document.payload;
  return {
    group,
    issuer: iss,
    factors: matchDisclosures(document.disclosures, document.payload),
    holder,
    issuedMs: iat * 1000,
    expiresMs: exp * 1000,
    digest: digestOf(document.payloadBytes),
  };
}

/** To whom, in answer to what, and when. */
export interface Showing {
  readonly names: readonly string[];
  readonly holder: SigningKey;
  readonly nonce: string;
  readonly audience: string;
  readonly nowMs: number;
}

/** Show exactly the named factors of a credential to one audience, in answer to one nonce. */
export async function presentCredential(data: Uint8Array, showing: Showing): Promise<string> {
  const document = readDocument(data);
  if (document.keyBindings !== null)
    throw new CredentialRefused("key-binding-unexpected", "a presentation cannot be presented again");
  if (document.payload.holder.keyId !== showing.holder.public.keyId) {
    const message = "the credential was not issued to these keys";
    throw new CredentialRefused("holder-mismatch", message, { kind: "forbidden" });
  }
  const disclosures = chooseDisclosures(document, showing.names);
  const keyBindings = await bindKey(sdJwtOf(document, disclosures), showing);
  const { payloadText, signatures } = document;
  return new TextDecoder().decode(writeDocument({ payloadText, signatures, disclosures, keyBindings }));
}

/** What a wallet proves when it collects a credential: both its keys sign the node's nonce, just now (OpenID4VCI). */
export async function proveKeys(
  holder: SigningKey,
  { nonce, audience, nowMs }: { readonly nonce: string; readonly audience: string; readonly nowMs: number },
): Promise<readonly [string, string]> {
  const claims = { aud: audience, iat: Math.floor(nowMs / 1000), nonce };
  const jwks = holder.public.jwks();
  const header = (half: 0 | 1) => canonical.encodeText({ alg: ALGS[half], jwk: jwks[half], typ: PROOF_TYP });
  return signTwice(holder, [header(0), header(1)], canonical.encode(claims));
}

/** The disclosures of exactly these factors, in the order of the credential. */
function chooseDisclosures(document: Document, names: readonly string[]): readonly string[] {
  const wanted = new Set(names);
  const chosen = document.disclosures.filter((text) => wanted.has(readDisclosure(text).name));
  if (wanted.size !== names.length || chosen.length !== names.length) {
    const message = "a factor that should be shown is not in the credential, or is named twice";
    throw new CredentialRefused("factor-missing", message, { kind: "not-found" });
  }
  return chosen;
}

/** The compact form of the first signature, up to and with its last tilde: what `sd_hash` is of (RFC 9901, section 8.1). */
function sdJwtOf({ payloadText, signatures }: Document, disclosures: readonly string[]): string {
  const [first] = signatures;
  const jwt = `${first.protected}.${payloadText}.${first.signature}`;
  return [jwt, ...disclosures].map((part) => `${part}~`).join("");
}

/** The two key binding JWTs over the same claims, by ML-DSA-65 and by Ed25519. */
async function bindKey(
  sdJwt: string,
  { holder, nonce, audience, nowMs }: Showing,
): Promise<readonly [string, string]> {
  if (!isWord(nonce, NONCE_CHARS_MAX) || !isWord(audience, AUDIENCE_CHARS_MAX))
    throw new CredentialRefused("key-binding-malformed", "the nonce or the audience is out of bounds");
  const keys = holder.public.thumbprints();
  const claims = {
    aud: audience,
    iat: Math.floor(nowMs / 1000),
    keys: [...keys],
    nonce,
    sd_hash: base64url.encode(sha256(utf8(sdJwt))),
  };
  const headers = [headerText(0, keys, KB_TYP), headerText(1, keys, KB_TYP)] as const;
  const [ed25519, mlDsa] = await signTwice(holder, headers, canonical.encode(claims));
  return [mlDsa, ed25519];
}

/** Two JWTs over the same claims, by Ed25519 and by ML-DSA-65. */
async function signTwice(
  key: SigningKey,
  headers: readonly [string, string],
  claims: Bytes,
): Promise<readonly [string, string]> {
  const payload = base64url.encode(claims);
  const [first, second] = headers.map((header) => `${base64url.encode(utf8(header))}.${payload}`);
  const [one, other] = await key.sign(utf8(first ?? ""), utf8(second ?? ""));
  return [`${first}.${base64url.encode(one)}`, `${second}.${base64url.encode(other)}`];
}

async function checkSignatures(document: Document, issuer: VerifyKey): Promise<void> {
  const { payload, payloadText, signatures } = document;
  const [first, second] = issuer.thumbprints();
  if (payload.keys[0] !== first || payload.keys[1] !== second || issuer.suite !== "ACTOR") {
    const message = "the credential is by other keys than its issuer's";
    throw new CredentialRefused("credential-keys-mismatch", message, { kind: "unauthenticated" });
  }
  const [one, other] = signatures.map((signed) => ({
    signature: base64url.decode(signed.signature),
    data: utf8(`${signed.protected}.${payloadText}`),
  }));
  try {
    if (one === undefined || other === undefined) throw new Error("there are two");
    await verifyEd25519(issuer.ed25519Pub, one.signature, one.data);
    await verifyMlDsa("ML-DSA-65", issuer.mldsaPub, other.signature, other.data);
  } catch (cause) {
    const message = "a signature of the issuer does not verify";
    throw new CredentialRefused("credential-signature-refused", message, { kind: "unauthenticated", cause });
  }
}

function checkTimes({ payload }: Document, nowMs: number): void {
  if (nowMs >= payload.exp * 1000) {
    const hint = "ask its issuer for a new one";
    throw new CredentialRefused("credential-expired", "the credential has expired", {
      kind: "forbidden",
      hint,
    });
  }
  if (Math.max(payload.nbf, payload.iat) * 1000 > nowMs + CLOCK_SKEW_MS) {
    const message = "the credential has not begun yet";
    throw new CredentialRefused("credential-not-yet-valid", message, { kind: "forbidden" });
  }
}

function isWord(text: string, max: number): boolean {
  return text.length > 0 && text.length <= max;
}
