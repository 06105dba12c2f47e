/**
 * Envelopes: one message sealed to several named recipients.
 *
 * What this module guarantees:
 *
 * - every recipient reads the same message: the message key is committed to (`chunked`), so no sender can show a monitor
 *   one text and a reader another;
 * - nobody can be added to or taken from the list of recipients, and none can be given another role.
 *
 * Bytes and the numbers of the steps: `docs/spec/sealing.md`. Start at `sealEnvelope` and `openEnvelope`.
 */
import * as base64url from "./base64url";
import { type Bytes, randomBytes } from "./bytes";
import * as canonical from "./canonical";
import type { JsonObject } from "./canonical";
import { ChunkedRefused, decryptAll, encryptAll, KEY_BYTES, plaintextSize } from "./chunked";
import { checkDigest, type Digest } from "./digest";
import { LimitExceeded, TelesphorError } from "./errors";
import type { RecipientKey, RecipientPublic } from "./recipient";
import { NotARecipient, seal, SEAL_OVERHEAD, SealRefused, unseal } from "./sealing";

/** A message, not a file: files are objects of the vault. */
export const ENVELOPE_PLAINTEXT_MAX = 1024 * 1024;
export const ENVELOPE_BYTES_MAX = 3 * 1024 * 1024;
/** A care team with its monitors; each recipient costs 1.6 kB and a key agreement. */
export const RECIPIENTS_MAX = 256;

const FORMAT = "telesphor-envelope/1";
const MEMBERS = ["ciphertext", "format", "object", "purpose", "recipients", "v"];

/** Who is to read, and what that key's holder is there. */
export interface Addressee {
  readonly key: RecipientPublic;
  readonly role: string;
}

/** What an envelope is for. */
export interface EnvelopePurpose {
  readonly purpose: string;
  /** The id of what it belongs to. */
  readonly object: string;
}

/** What an envelope shows without being opened. */
export interface EnvelopeHeader extends EnvelopePurpose {
  readonly recipients: readonly { readonly recipient: Digest; readonly role: string }[];
}

/** Seal one message to several recipients; the envelope as canonical JSON. Throws `SealRefused`, `LimitExceeded`. */
export async function sealEnvelope(
  plaintext: Bytes,
  { recipients, purpose, object }: EnvelopePurpose & { readonly recipients: readonly Addressee[] },
): Promise<Bytes> {
  if (plaintext.length > ENVELOPE_PLAINTEXT_MAX) {
    throw new LimitExceeded(`an envelope holds at most ${ENVELOPE_PLAINTEXT_MAX} bytes`);
  }
  checkRecipients(recipients.map(({ key }) => key.thumbprint()));
  const contentKey = randomBytes(KEY_BYTES);
  const wraps = await Promise.all(
    recipients.map(async ({ key, role }) => {
      const info = { purpose, object, recipient: key.thumbprint(), role };
      const sealed = await seal(contentKey, { recipient: key, info });
      return { recipient: info.recipient, role, sealed: base64url.encode(sealed) };
    }),
  );
  const header = { format: FORMAT, object, purpose, recipients: wraps, v: 1 };
  const ciphertext = await encryptAll(plaintext, { key: contentKey, context: contextOf(header) });
  contentKey.fill(0);
  return canonical.encode({ ...header, ciphertext: base64url.encode(ciphertext) });
}

/**
 * Open an envelope with the key of one of its recipients (steps 1 to 5).
 *
 * @throws LimitExceeded; NotARecipient when it is not for this key; SealRefused for everything else.
 */
export async function openEnvelope(
  data: Uint8Array,
  { key, purpose, object }: EnvelopePurpose & { readonly key: RecipientKey },
): Promise<Bytes> {
  const envelope = readEnvelope(data);
  if (envelope.purpose !== purpose || envelope.object !== object) {
    throw new SealRefused("the envelope was sealed for another purpose or object");
  }
  const recipient = key.public.thumbprint();
  const wrap = envelope.recipients.find((found) => found.recipient === recipient);
  if (wrap === undefined) throw new NotARecipient("the envelope was not sealed to this key");
  const info = { purpose, object, recipient, role: wrap.role };
  const contentKey = await unseal(decodePart(wrap.sealed), { key, info });
  if (contentKey.length !== KEY_BYTES) throw new SealRefused("the key of the envelope has the wrong size");
  return openMessage(envelope, contentKey);
}

/** What an envelope says of itself, for whoever keeps it and cannot open it. */
export function readEnvelopeHeader(data: Uint8Array): EnvelopeHeader {
  const { purpose, object, recipients, ciphertext } = readEnvelope(data);
  if (recipients.some(({ sealed }) => decodePart(sealed).length !== KEY_BYTES + SEAL_OVERHEAD)) {
    throw new SealRefused("a key of the envelope is not sealed as keys are");
  }
  refusing("the message of the envelope has no possible size", () =>
    plaintextSize(decodePart(ciphertext).length),
  );
  const named = recipients.map(({ recipient, role }) => ({
    recipient: refusing("a recipient of the envelope is not named by a key's digest", () =>
      checkDigest(recipient),
    ),
    role,
  }));
  return { purpose, object, recipients: named };
}

interface Wrap {
  readonly recipient: string;
  readonly role: string;
  readonly sealed: string;
}

interface Envelope extends EnvelopePurpose {
  readonly format: string;
  readonly recipients: readonly Wrap[];
  readonly ciphertext: string;
  readonly v: number;
}

async function openMessage(envelope: Envelope, contentKey: Bytes): Promise<Bytes> {
  try {
    return await decryptAll(decodePart(envelope.ciphertext), {
      key: contentKey,
      context: contextOf(envelope),
    });
  } catch (error) {
    if (!(error instanceof ChunkedRefused)) throw error;
    throw new SealRefused(`the message of the envelope is not authentic: ${error.message}`, { cause: error });
  } finally {
    contentKey.fill(0);
  }
}

/** What the message is bound to: everything of the envelope but the wraps and the message. */
function contextOf({ format, object, purpose, recipients, v }: Omit<Envelope, "ciphertext">): Bytes {
  return canonical.encode({
    format,
    object,
    purpose,
    recipients: recipients.map(({ recipient, role }) => ({ recipient, role })),
    v,
  });
}

function readEnvelope(data: Uint8Array): Envelope {
  const value = readCanonical(data);
  if (!canonical.hasExactly(value, MEMBERS))
    throw new SealRefused("an envelope must have exactly its own members");
  if (value.format !== FORMAT || value.v !== 1)
    throw new SealRefused(`an envelope must be of the format \`${FORMAT}\``);
  const { recipients, purpose, object, ciphertext } = value;
  if (!Array.isArray(recipients) || !recipients.every(isWrap)) {
    throw new SealRefused("the recipients of the envelope are not a list of wraps");
  }
  checkRecipients(recipients.map((wrap) => wrap.recipient));
  if (typeof purpose !== "string" || typeof object !== "string" || typeof ciphertext !== "string") {
    throw new SealRefused("a member of the envelope is not text");
  }
  return { format: FORMAT, purpose, object, recipients, ciphertext, v: 1 };
}

function readCanonical(data: Uint8Array): canonical.Json {
  try {
    return canonical.decode(data, { limit: ENVELOPE_BYTES_MAX });
  } catch (error) {
    if (!(error instanceof TelesphorError) || error instanceof LimitExceeded) throw error;
    throw new SealRefused(`the envelope is not canonical JSON: ${error.message}`, { cause: error });
  }
}

function isWrap(value: unknown): value is JsonObject & Wrap {
  return (
    canonical.hasExactly(value, ["recipient", "role", "sealed"]) &&
    Object.values(value).every((member) => typeof member === "string")
  );
}

function checkRecipients(thumbprints: readonly string[]): void {
  if (thumbprints.length < 1 || thumbprints.length > RECIPIENTS_MAX) {
    throw new SealRefused(`an envelope has between 1 and ${RECIPIENTS_MAX} recipients`);
  }
  if (new Set(thumbprints).size !== thumbprints.length)
    throw new SealRefused("a recipient is named twice in the envelope");
}

function decodePart(text: string): Bytes {
  return refusing("a part of the envelope is not canonical base64url", () => base64url.decode(text));
}

function refusing<T>(message: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new SealRefused(message, { cause });
  }
}
