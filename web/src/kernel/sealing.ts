/**
 * Sealing to a recipient: HPKE with X-Wing, so that a recorded ciphertext outlives quantum computers.
 *
 * `seal` and `unseal` are for one small secret and one recipient: a data key. For a message to several see `envelope`.
 * What this module guarantees: what is sealed opens only for the purpose, object, recipient and role it was sealed for.
 * It names no sender: whoever needs to know who wrote signs around it. Bytes: `docs/spec/sealing.md`.
 */
import type { Bytes } from "./bytes";
import * as canonical from "./canonical";
import { checkDigest, type Digest } from "./digest";
import { type Kind, LimitExceeded, type Said, TelesphorError } from "./errors";
import { HPKE_OVERHEAD, hpkeOpen, hpkeSeal } from "./hpke";
import type { RecipientKey, RecipientPublic } from "./recipient";

/** A sealed secret is a key or a short text; larger things are envelopes or objects. */
export const SEAL_BYTES_MAX = 64 * 1024;
/** How much longer than the secret a seal is. */
export const SEAL_OVERHEAD = HPKE_OVERHEAD;

const FORMAT = "telesphor-seal/1";
/** Purpose, object and role are names and ids. */
const NAME_CHARS_MAX = 200;

/** What was sealed does not open: altered, or for another key, purpose, object or role. */
export class SealRefused extends TelesphorError {
  constructor(message: string, said?: Said, code = "seal-refused", kind: Kind = "corrupt") {
    super(code, kind, message, said);
  }
}

/** It was not sealed to this key. */
export class NotARecipient extends SealRefused {
  constructor(message: string) {
    super(message, {}, "not-a-recipient", "forbidden");
  }
}

/** What a sealed secret is bound to. */
export interface SealInfo {
  /** What it is sealed for, such as `object-key`. */
  readonly purpose: string;
  /** The id of what it belongs to. */
  readonly object: string;
  /** Thumbprint of the recipient's public key. */
  readonly recipient: Digest;
  /** What the recipient is there, such as `reader`. */
  readonly role: string;
}

/**
 * Seal a small secret to one recipient.
 *
 * @throws LimitExceeded, RecipientKeyRefused; NotARecipient when `info` names another key.
 */
export async function seal(
  secret: Bytes,
  { recipient, info }: { readonly recipient: RecipientPublic; readonly info: SealInfo },
): Promise<Bytes> {
  if (secret.length > SEAL_BYTES_MAX) {
    throw new LimitExceeded(`at most ${SEAL_BYTES_MAX} bytes are sealed at once, not ${secret.length}`);
  }
  const bound = encodeInfo(info);
  checkRecipient(info, recipient);
  return hpkeSeal(secret, recipient, bound);
}

/** Open what `seal` made; throws `SealRefused` when anything of it or of `info` is not the same. */
export async function unseal(
  sealed: Bytes,
  { key, info }: { readonly key: RecipientKey; readonly info: SealInfo },
): Promise<Bytes> {
  if (sealed.length < SEAL_OVERHEAD || sealed.length > SEAL_BYTES_MAX + SEAL_OVERHEAD) {
    throw new SealRefused(`nothing that is sealed is ${sealed.length} bytes long`);
  }
  const bound = encodeInfo(info);
  checkRecipient(info, key.public);
  try {
    return await hpkeOpen(sealed, key, bound);
  } catch (cause) {
    throw new SealRefused("what is sealed does not open", {
      hint: "check the key, the purpose, the object and the role",
      cause,
    });
  }
}

function encodeInfo({ purpose, object, recipient, role }: SealInfo): Bytes {
  checkName("purpose", purpose);
  checkName("object", object);
  checkName("role", role);
  return canonical.encode({ format: FORMAT, object, purpose, recipient: checkDigest(recipient), role });
}

function checkName(name: string, value: string): void {
  const size = Array.from(value).length;
  if (size < 1 || size > NAME_CHARS_MAX) {
    throw new SealRefused(`the ${name} must be a text of 1 to ${NAME_CHARS_MAX} characters`);
  }
}

function checkRecipient(info: SealInfo, key: RecipientPublic): void {
  if (info.recipient !== key.thumbprint())
    throw new NotARecipient("it is sealed to another key than this one");
}
