/**
 * C2SP chunked encryption: large messages with random access, truncation evident, key committing.
 *
 * The plaintext is cut into chunks of 16 KiB, the last one always shorter (perhaps empty), and each is sealed with
 * AES-256-GCM under a key of this message alone. What this module guarantees:
 *
 * - no byte of plaintext is given out before the chunk it is in has been authenticated;
 * - a flipped, cut, lengthened, reordered or swapped chunk is refused, and so is another key, context or salt, before any
 *   chunk is opened (the commitment in the header);
 * - memory is constant: streams are worked in batches of 1 MiB.
 *
 * Start at `encryptStream` and `decryptStream`; `chunk_reader` seeks. Source: c2sp.org/chunked-encryption, as
 * Cobblestone-256 (HKDF-Expand with SHA-512, AES-256-GCM). Bytes: `docs/spec/chunked.md`.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { type Bytes, concat, equal, randomBytes, utf8 } from "./bytes";
import { type Said, TelesphorError } from "./errors";
import { Filler } from "./filler";

export const KEY_BYTES = 32;
export const CHUNK = 16_384;
export const SALT = 24;
export const HEADER = 56;

const TAG = 16;
export const SEALED_CHUNK = CHUNK + TAG;
const NONCE = 12;
const COMMITMENT = HEADER - SALT;
/** The bound of the specification: 4 PiB, below the wear-out limit of AES in counter mode. */
const CHUNKS_MAX = 2 ** 38;
/** Chunks that are worked at once: enough to keep every thread of the browser busy, and 1 MiB of memory. */
export const BATCH_CHUNKS = 64;

const PREFIX = utf8("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");
const AES_GCM = "AES-GCM";

/** A chunked ciphertext (or a use of this module) that must not be gone on with. */
export class ChunkedRefused extends TelesphorError {
  constructor(code: string, message: string, said?: Said) {
    super(code, "corrupt", message, said);
  }
}

/** The ciphertext ends where no message can end: its last chunk is missing. */
export class ChunkedTruncated extends ChunkedRefused {
  constructor(message: string) {
    super("chunked-truncated", message);
  }
}

/** No ciphertext has this size or shape. */
export class ChunkedInvalid extends ChunkedRefused {
  constructor(message: string) {
    super("chunked-invalid", message);
  }
}

/** The header was not made with this key, salt and context. */
export class KeyCommitmentRefused extends ChunkedRefused {
  constructor() {
    const hint = "check which key sealed it";
    super("chunked-commitment-refused", "the ciphertext was not made with this key and context", { hint });
  }
}

/** A chunk is not authentic: altered, moved, or from another message. */
export class ChunkRefused extends ChunkedRefused {
  constructor(chunk: number) {
    super("chunk-refused", `chunk ${chunk} is not authentic`);
  }
}

/** Size of the ciphertext, header included, of a message of so many bytes. */
export function ciphertextSize(plaintextBytes: number): number {
  if (!Number.isSafeInteger(plaintextBytes) || plaintextBytes < 0 || plaintextBytes / CHUNK >= CHUNKS_MAX) {
    throw new ChunkedInvalid(`a message of ${plaintextBytes} bytes cannot be sealed`);
  }
  return HEADER + plaintextBytes + TAG * (Math.floor(plaintextBytes / CHUNK) + 1);
}

/** Size of the message in a ciphertext of so many bytes: a claim until the last chunk has been opened. */
export function plaintextSize(ciphertextBytes: number): number {
  if (!Number.isSafeInteger(ciphertextBytes) || ciphertextBytes < HEADER) {
    throw new ChunkedInvalid(`a ciphertext of ${ciphertextBytes} bytes has no whole header`);
  }
  const full = Math.floor((ciphertextBytes - HEADER) / SEALED_CHUNK);
  return full * CHUNK + lastPlaintextSize(full, (ciphertextBytes - HEADER) % SEALED_CHUNK);
}

/** What a message is sealed with. */
export interface MessageSecrets {
  /** The input key: 32 uniformly random bytes. */
  readonly key: Bytes;
  /** What the message is bound to; may be empty. */
  readonly context: Uint8Array;
}

/** Where a run of chunks stands in its message. */
export interface Run {
  /** Number of the first chunk. */
  readonly first: number;
  /** Whether the message ends here. */
  readonly final: boolean;
}

/** The key, base nonce and commitment of one message; only the last can be read from outside. */
export class MessageKeys {
  /** The 56 bytes before the first chunk: salt and commitment. */
  readonly header: Bytes;
  readonly #cipher: CryptoKey;
  readonly #nonce: Bytes;

  private constructor(header: Bytes, cipher: CryptoKey, nonce: Bytes) {
    this.header = header;
    this.#cipher = cipher;
    this.#nonce = nonce;
  }

  /** Derive the keys of a message; `salt` (24 bytes) never repeats under one input key. */
  static async derive({ key, context }: MessageSecrets, salt: Uint8Array): Promise<MessageKeys> {
    if (key.length !== KEY_BYTES || salt.length !== SALT) {
      throw new ChunkedInvalid(`the key must be ${KEY_BYTES} bytes and the salt ${SALT}`);
    }
    const derived = expandTwice(key, concat(PREFIX, salt, context));
    const cipher = await crypto.subtle.importKey("raw", derived.subarray(0, KEY_BYTES), AES_GCM, false, [
      "encrypt",
      "decrypt",
    ]);
    const nonce = derived.slice(KEY_BYTES, KEY_BYTES + NONCE);
    const header = concat(salt, derived.subarray(KEY_BYTES + NONCE, KEY_BYTES + NONCE + COMMITMENT));
    derived.fill(0);
    return new MessageKeys(header, cipher, nonce);
  }

  /** The keys of a ciphertext that begins with this header; throws `KeyCommitmentRefused` where they did not make it. */
  static async ofHeader(header: Uint8Array, secrets: MessageSecrets): Promise<MessageKeys> {
    const keys = await MessageKeys.derive(secrets, header.subarray(0, SALT));
    if (!equal(header, keys.header)) throw new KeyCommitmentRefused();
    return keys;
  }

  /** Seal a run: whole chunks, and where the message ends what is left after them, perhaps nothing. */
  async seal(plaintext: Bytes, { first, final }: Run): Promise<Bytes> {
    const full = Math.floor(plaintext.length / CHUNK);
    if (!final && plaintext.length % CHUNK !== 0) {
      throw new ChunkedInvalid(`only the last piece of a message may be no multiple of ${CHUNK} bytes`);
    }
    const count = full + (final ? 1 : 0);
    checkNumbers(first, count);
    const sealed = new Uint8Array(plaintext.length + TAG * count);
    const chunks = Array.from({ length: count }, async (_, index) => {
      const chunk = plaintext.subarray(index * CHUNK, (index + 1) * CHUNK);
      sealed.set(
        new Uint8Array(await crypto.subtle.encrypt(this.#of(first + index), this.#cipher, chunk)),
        index * SEALED_CHUNK,
      );
    });
    await Promise.all(chunks);
    return sealed;
  }

  /** Open a run; nothing is given out unless all of it is authentic. Throws `ChunkRefused`, `ChunkedTruncated`, `ChunkedInvalid`. */
  async open(ciphertext: Bytes, { first, final }: Run): Promise<Bytes> {
    const full = Math.floor(ciphertext.length / SEALED_CHUNK);
    const rest = ciphertext.length % SEALED_CHUNK;
    if (!final && rest !== 0)
      throw new ChunkedInvalid(`only the last piece may be no multiple of ${SEALED_CHUNK} bytes`);
    const opened = new Uint8Array(full * CHUNK + (final ? lastPlaintextSize(first + full, rest) : 0));
    const count = full + (final ? 1 : 0);
    checkNumbers(first, count);
    const chunks = Array.from({ length: count }, async (_, index) => {
      const chunk = ciphertext.subarray(index * SEALED_CHUNK, (index + 1) * SEALED_CHUNK);
      opened.set(await this.#openChunk(first + index, chunk), index * CHUNK);
    });
    await Promise.all(chunks);
    return opened;
  }

  async #openChunk(number: number, chunk: Bytes): Promise<Bytes> {
    try {
      return new Uint8Array(await crypto.subtle.decrypt(this.#of(number), this.#cipher, chunk));
    } catch {
      throw new ChunkRefused(number);
    }
  }

  /** The nonce of a chunk is the base nonce XOR its number (section "AEAD usage"). */
  #of(number: number): AesGcmParams {
    const iv = new Uint8Array(this.#nonce);
    const view = new DataView(iv.buffer);
    view.setUint32(4, view.getUint32(4) ^ Math.floor(number / 2 ** 32));
    view.setUint32(8, view.getUint32(8) ^ (number % 2 ** 32));
    return { name: AES_GCM, iv };
  }
}

/** Seals whatever is written to it; the salt is drawn at random when it is not given. */
export function encryptStream({
  salt,
  ...secrets
}: MessageSecrets & { readonly salt?: Bytes }): TransformStream<Uint8Array, Bytes> {
  const filler = new Filler(BATCH_CHUNKS * CHUNK);
  let keys: MessageKeys;
  let first = 0;
  return new TransformStream<Uint8Array, Bytes>({
    async start(controller) {
      keys = await MessageKeys.derive(secrets, salt ?? randomBytes(SALT));
      controller.enqueue(keys.header);
    },
    async transform(piece, controller) {
      for (const batch of filler.add(piece)) {
        controller.enqueue(await keys.seal(batch, { first, final: false }));
        first += BATCH_CHUNKS;
      }
    },
    async flush(controller) {
      controller.enqueue(await keys.seal(filler.rest(), { first, final: true }));
    },
  });
}

/**
 * Opens whatever is written to it. What comes out is authentic; the message is whole only when the stream ends, and after
 * an error the reader throws away what it got.
 */
export function decryptStream(secrets: MessageSecrets): TransformStream<Uint8Array, Bytes> {
  const header = new Filler(HEADER);
  const filler = new Filler(BATCH_CHUNKS * SEALED_CHUNK);
  let keys: MessageKeys | undefined;
  let first = 0;
  return new TransformStream<Uint8Array, Bytes>({
    async transform(piece, controller) {
      let left = piece;
      if (keys === undefined) {
        const taken = left.subarray(0, HEADER - header.waiting);
        left = left.subarray(taken.length);
        for (const whole of header.add(taken)) keys = await MessageKeys.ofHeader(whole, secrets);
        if (keys === undefined) return;
      }
      for (const batch of filler.add(left)) {
        controller.enqueue(await keys.open(batch, { first, final: false }));
        first += BATCH_CHUNKS;
      }
    },
    async flush(controller) {
      if (keys === undefined)
        throw new ChunkedInvalid(`a ciphertext of ${header.waiting} bytes has no whole header`);
      const last = await keys.open(filler.rest(), { first, final: true });
      if (last.length > 0) controller.enqueue(last);
    },
  });
}

/** Seal a message that is in memory. */
export async function encryptAll(plaintext: Bytes, secrets: MessageSecrets): Promise<Bytes> {
  const keys = await MessageKeys.derive(secrets, randomBytes(SALT));
  const sealed: Bytes[] = [keys.header];
  const step = BATCH_CHUNKS * CHUNK;
  for (let at = 0, first = 0; ; at += step, first += BATCH_CHUNKS) {
    const final = plaintext.length - at < step;
    sealed.push(await keys.seal(plaintext.subarray(at, at + step), { first, final }));
    if (final) return concat(...sealed);
  }
}

/** Open a message that is in memory; throws `ChunkedRefused`. */
export async function decryptAll(ciphertext: Bytes, secrets: MessageSecrets): Promise<Bytes> {
  plaintextSize(ciphertext.length);
  const keys = await MessageKeys.ofHeader(ciphertext.subarray(0, HEADER), secrets);
  const opened: Bytes[] = [];
  const step = BATCH_CHUNKS * SEALED_CHUNK;
  for (let at = HEADER, first = 0; ; at += step, first += BATCH_CHUNKS) {
    const final = ciphertext.length - at < step;
    opened.push(await keys.open(ciphertext.subarray(at, at + step), { first, final }));
    if (final) return concat(...opened);
  }
}

/** The first two blocks of HKDF-Expand with SHA-512 (RFC 5869, section 2.3), of whose 128 bytes 76 are needed. */
function expandTwice(key: Uint8Array, info: Uint8Array): Bytes {
  const first = hmac(sha512, key, concat(info, Uint8Array.of(1)));
  return concat(first, hmac(sha512, key, concat(first, info, Uint8Array.of(2))));
}

/** Size of the last chunk's plaintext when so many sealed bytes are left for it. */
function lastPlaintextSize(number: number, rest: number): number {
  if (rest === 0)
    throw new ChunkedTruncated(`the ciphertext is cut: chunk ${number}, the last one, is missing`);
  if (rest < TAG) throw new ChunkedInvalid(`the ciphertext ends within the tag of chunk ${number}`);
  return rest - TAG;
}

function checkNumbers(first: number, count: number): void {
  if (!Number.isSafeInteger(first) || first < 0 || first + count > CHUNKS_MAX) {
    throw new ChunkedInvalid(`a message has at most ${CHUNKS_MAX} chunks`);
  }
}
