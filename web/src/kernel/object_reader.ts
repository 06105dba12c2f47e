/**
 * Reading an object of the vault: the node gives ciphertext, which is opened here.
 *
 * `object.read/1` gives a ticket and the object's data key, sealed to this reader's own key. What this module guarantees:
 * the node that hands out the bytes cannot change one of them, nor cut or lengthen them, without being found out, and it
 * is not asked to decrypt anything. Bytes: `docs/spec/objects.md`, `docs/spec/wraps.md`. Start at `ObjectReader.open`.
 */
import * as base64url from "./base64url";
import { type Bytes, concat, utf8 } from "./bytes";
import { ChunkReader } from "./chunk_reader";
import { ciphertextSize, HEADER, SEALED_CHUNK } from "./chunked";
import { AnswerRefused, ClientRefused, NodeUnreachable } from "./client_errors";
import { checkDigest, type Digest, formatDigest } from "./digest";
import { LimitExceeded, TelesphorError } from "./errors";
import { readBounded } from "./http";
import { type ObjectId, parseId, type VisitId } from "./ids";
import { type NodeClient, resultOf } from "./node_client";
import { isPassing, Patience } from "./patience";
import { unseal } from "./sealing";
import { GrowingTree, leafHash } from "./tree";

/** Why something is read. */
export type Purpose = "treatment" | "payment" | "operations" | "patient-request" | "emergency";

const PART_CHUNKS = 256;

/**
 * Types that a page may be given as what they are. Anything else becomes plain bytes: whoever wrote the object chose its
 * type, and a document opened from a `blob:` address is a page of this origin.
 */
const SHOWN_TYPES =
  /^(image\/(png|jpeg|gif|webp|avif)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+|text\/plain|application\/pdf)$/;

/** The digest of what the node holds is not the one on the ledger. */
export class ObjectDiffers extends TelesphorError {
  constructor() {
    super("object-differs", "corrupt", "what the node holds is not what was sealed", {
      hint: "tell the node's operator",
    });
  }
}

/** How an object is asked for. */
export interface ReadRequest {
  readonly purpose: Purpose;
  readonly visit?: VisitId;
  /** A code such as `US-WA` or `ward-7`: a claim. */
  readonly location?: string;
  readonly signal?: AbortSignal;
}

/** An object that this actor was allowed to read. */
export class ObjectReader {
  readonly object: ObjectId;
  /** As its writer said. */
  readonly mediaType: string;
  /** Of the ciphertext, as it stands on the ledger. */
  readonly digest: Digest;
  readonly #source: Ciphertext;
  readonly #reader: ChunkReader;

  private constructor(source: Ciphertext, reader: ChunkReader, granted: Granted) {
    this.object = source.object;
    this.mediaType = granted.media_type;
    this.digest = checkDigest(granted.digest);
    this.#source = source;
    this.#reader = reader;
  }

  /**
   * Ask to read an object; that it was asked is on the ledger before this returns.
   *
   * @throws ClientRefused: the node allows no read. SealRefused: the key does not open. ChunkedRefused: the bytes do not.
   */
  static async open(node: NodeClient, object: ObjectId, request: ReadRequest): Promise<ObjectReader> {
    const granted = await askToRead(node, object, request);
    const info = {
      purpose: "object-key",
      object,
      recipient: node.wallet.kemKey.public.thumbprint(),
      role: granted.role,
    };
    const key = await unseal(base64url.decode(granted.wrap), { key: node.wallet.kemKey, info });
    const source = new Ciphertext(node, object, request, granted);
    const context = utf8(`telesphor-object/1 ${object}`);
    try {
      const readAt = (offset: number, length: number) => source.read(offset, length);
      const reader = await ChunkReader.open({ readAt, ciphertextSize: source.size, key, context });
      return new ObjectReader(source, reader, granted);
    } finally {
      key.fill(0);
    }
  }

  /** Size of the plaintext in bytes, authenticated. */
  get size(): number {
    return this.#reader.size;
  }

  /** Plaintext from `offset`: `length` bytes, at most 64 MiB, fewer only at the end. */
  read(offset: number, length: number): Promise<Bytes> {
    return this.#reader.read(offset, length);
  }

  /** Plaintext from `start` up to, not including, `end`. */
  stream(start?: number, end?: number): ReadableStream<Bytes> {
    return this.#reader.stream(start, end);
  }

  /** The whole plaintext as a file, at most `limit` bytes; of its own type only where a page may be given that. */
  async blob(limit: number): Promise<Blob> {
    if (this.size > limit)
      throw new LimitExceeded(`the object has ${this.size} bytes where ${limit} are allowed`);
    const type = SHOWN_TYPES.test(this.mediaType) ? this.mediaType : "application/octet-stream";
    const plain = await new Response(this.stream()).blob();
    return plain.slice(0, plain.size, type);
  }

  /** Read the whole ciphertext, and compare its digest with the one that was sealed; throws `ObjectDiffers`. */
  async checkDigest(): Promise<void> {
    const tree = new GrowingTree();
    // A part is 256 chunks; the header stands before the first.
    for (let at = 0, end = HEADER; at < this.#source.size; at = end) {
      end = Math.min(end + PART_CHUNKS * SEALED_CHUNK, this.#source.size);
      tree.append(await leafHash(await this.#source.read(at, end - at)));
    }
    if (formatDigest(tree.root()) !== this.digest) throw new ObjectDiffers();
  }
}

const GRANTED = {
  ticket: "string",
  size: "number",
  media_type: "string",
  digest: "string",
  role: "string",
  wrap: "string",
} as const;

interface Granted {
  readonly ticket: string;
  readonly size: number;
  readonly media_type: string;
  readonly digest: string;
  readonly role: string;
  readonly wrap: string;
}

async function askToRead(
  node: NodeClient,
  object: ObjectId,
  { purpose, visit, location }: ReadRequest,
): Promise<Granted> {
  const type = visit === undefined ? "object.read/1" : "visit.read-object/1";
  const place = location === undefined ? {} : { location };
  const body = { object: parseId(object), purpose, visit: visit ?? null, ...place };
  return resultOf(await node.send({ type, body }), GRANTED);
}

/** The ciphertext of an object at the node, piece by piece, whatever breaks. */
class Ciphertext {
  readonly object: ObjectId;
  readonly size: number;
  readonly #node: NodeClient;
  readonly #request: ReadRequest;
  #ticket: string;
  #renewing: Promise<void> | undefined;

  constructor(node: NodeClient, object: ObjectId, request: ReadRequest, { ticket, size }: Granted) {
    this.object = object;
    this.size = ciphertextSize(size);
    this.#node = node;
    this.#request = request;
    this.#ticket = ticket;
  }

  /** Exactly these bytes; throws `ClientRefused`, `TransferFailed`, `AnswerRefused`. */
  async read(offset: number, length: number): Promise<Bytes> {
    const patience = new Patience(this.#node.sleep);
    const parts: Bytes[] = [];
    for (let moved = 0; moved < length;) {
      try {
        const piece = await this.#fetch(offset + moved, length - moved);
        parts.push(piece);
        moved += piece.length;
      } catch (error) {
        this.#request.signal?.throwIfAborted();
        if (error instanceof ClientRefused && error.code === "ticket-refused") await this.#renew();
        else if (!isPassing(error)) throw error;
        await patience.wait(moved, error);
      }
    }
    return concat(...parts);
  }

  async #fetch(offset: number, length: number): Promise<Bytes> {
    const { signal } = this.#request;
    const range = `bytes=${offset}-${offset + length - 1}`;
    const headers = { authorization: `Bearer ${this.#ticket}`, range };
    const response = await this.#node.http.open("GET", `/v1/objects/${this.object}/ciphertext`, {
      headers,
      signal,
    });
    if (response.status !== 206)
      throw new AnswerRefused("the node sent the whole object where a range was asked for");
    const data = await readBounded(response, length, signal);
    if (data.length === 0) throw new NodeUnreachable();
    return data;
  }

  /** A ticket lasts 15 minutes; reading on is asked, and recorded, anew: once for all who wait. */
  async #renew(): Promise<void> {
    this.#renewing ??= askToRead(this.#node, this.object, this.#request)
      .then(({ ticket }) => {
        this.#ticket = ticket;
      })
      .finally(() => {
        this.#renewing = undefined;
      });
    await this.#renewing;
  }
}
