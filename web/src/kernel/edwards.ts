/**
 * Ed25519 (RFC 8032) and X25519 (RFC 7748) by WebCrypto, with private keys that cannot be exported.
 */
import { type Bytes, concat, fromHex } from "./bytes";
import * as base64url from "./base64url";
import type { KeptPair } from "./engines";
import { type Said, TelesphorError } from "./errors";

export const ED25519 = "Ed25519";
export const X25519 = "X25519";
export const CURVE_BYTES = 32;
/** An Ed25519 signature (RFC 8032). */
export const ED25519_SIGNATURE_BYTES = 64;

type Curve = typeof ED25519 | typeof X25519;

const USES: Record<Curve, KeyUsage[]> = { Ed25519: ["sign", "verify"], X25519: ["deriveBits"] };
const PRIVATE_USES: Record<Curve, KeyUsage[]> = { Ed25519: ["sign"], X25519: ["deriveBits"] };
/** What stands before the seed in PKCS #8 (RFC 8410, section 7). */
const PKCS8: Record<Curve, Bytes> = {
  Ed25519: fromHex("302e020100300506032b657004220420"),
  X25519: fromHex("302e020100300506032b656e04220420"),
};

/** The browser lacks an algorithm that nothing else here can do. */
export class BrowserTooOld extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("browser-too-old", "invalid", message, { hint: "use a browser of this year", ...said });
  }
}

/** The page came over a line that anybody could have changed, so the browser lends it no keys. */
export class PageNotSecure extends TelesphorError {
  constructor() {
    const hint = "open it by its `https://` address";
    super("page-not-secure", "invalid", "the page was not loaded over a secure connection", { hint });
  }
}

/** A fresh pair; its private half cannot be exported. */
export async function generateCurve(curve: Curve): Promise<KeptPair> {
  const pair = await generate(curve);
  const publicBytes = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { publicBytes, record: { engine: "webcrypto", key: pair.privateKey } };
}

/** The pair of a seed of 32 bytes that was made elsewhere. */
export async function curveFromSeed(curve: Curve, seed: Bytes): Promise<KeptPair> {
  const pkcs8 = concat(PKCS8[curve], seed);
  const readable = await crypto.subtle.importKey("pkcs8", pkcs8, { name: curve }, true, PRIVATE_USES[curve]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", readable);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: curve }, false, PRIVATE_USES[curve]);
  return { publicBytes: base64url.decode(x), record: { engine: "webcrypto", key } };
}

/** Whether an Ed25519 signature verifies. */
export async function ed25519Verifies(publicBytes: Bytes, signature: Bytes, data: Bytes): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", publicBytes, { name: ED25519 }, false, ["verify"]);
    return await crypto.subtle.verify({ name: ED25519 }, key, signature, data);
  } catch {
    return false; // bytes that are no key have signed nothing
  }
}

/** What an X25519 key agrees on with another's share; throws where that is nothing secret (RFC 7748, section 6.1). */
export async function agree(key: CryptoKey, share: Bytes): Promise<Bytes> {
  const peer = await crypto.subtle.importKey("raw", share, { name: X25519 }, false, []);
  const secret = new Uint8Array(await crypto.subtle.deriveBits({ name: X25519, public: peer }, key, 256));
  if (secret.every((byte) => byte === 0)) throw new TypeError("the share is of small order");
  return secret;
}

async function generate(curve: Curve): Promise<CryptoKeyPair> {
  if ((globalThis as { isSecureContext?: boolean }).isSecureContext === false) throw new PageNotSecure();
  try {
    return (await crypto.subtle.generateKey({ name: curve }, false, USES[curve])) as CryptoKeyPair;
  } catch (cause) {
    throw new BrowserTooOld(`the browser has no \`${curve}\``, { cause });
  }
}
