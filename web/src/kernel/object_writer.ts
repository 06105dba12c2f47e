/**
 * Writing an object of the vault: begin, upload in parts of 4 MiB, seal; going on after any break.
 *
 * What the node keeps are whole parts, so a part is in memory until the node says that it has it, and no longer.
 * `putObject` writes what is there already, `ObjectWriter` what still grows, such as a recording. Transfers:
 * `docs/spec/objects.md`.
 */
import { type Bytes, utf8Text } from "./bytes";
import { AnswerRefused, ClientRefused, NodeUnreachable, TransferFailed } from "./client_errors";
import { checkDigest, type Digest } from "./digest";
import { TelesphorError } from "./errors";
import { Filler } from "./filler";
import { readBounded } from "./http";
import type { ActorId, ObjectId, VisitId } from "./ids";
import { type NodeClient, type Receipt, resultOf } from "./node_client";
import { isPassing, Patience } from "./patience";

/** Plaintext bytes of a part: 256 chunks. */
export const PART_BYTES = 4 * 1024 * 1024;

/** A size, a digest and a number. */
const STORED_BYTES_MAX = 4 * 1024;

/** Refusals after which the node says where to go on. */
const AGAIN: readonly string[] = [
  "upload-offset-refused",
  "upload-interrupted",
  "upload-busy",
  "upload-complete",
];

/** What an object is begun with. */
export interface NewObject {
  /** A bare lower-case type and subtype. */
  readonly mediaType: string;
  /** Who may read it besides its writer. */
  readonly readers?: readonly ActorId[];
  readonly visit?: VisitId;
  /** Whom it is about, such as the patient, who may then read and grant it. */
  readonly subject?: ActorId;
  /** A fresh UUIDv7, where the caller needs to know it beforehand. */
  readonly object?: ObjectId;
  /** Ends the transfer; the object stays begun, and is given up by the node after seven days. */
  readonly signal?: AbortSignal;
}

/** An object that was written: its plaintext bytes, digest, and the receipt of its seal, unless a broken line ate that. */
export interface SealedObject {
  readonly object: ObjectId;
  readonly size: number;
  readonly digest: Digest;
  readonly receipt: Receipt | null;
}

/** Write all of a file; `progress` is told how many bytes the node has. */
export async function putObject(
  node: NodeClient,
  source: Blob,
  { progress, ...about }: NewObject & { readonly progress?: (kept: number) => void },
): Promise<SealedObject> {
  const upload = await Upload.begin(node, about);
  for (;;) {
    const end = Math.min(upload.kept + PART_BYTES, source.size);
    await upload.send(source.slice(upload.kept, end), { final: end === source.size });
    progress?.(upload.kept);
    if (upload.isComplete) return upload.seal(source.size);
  }
}

/** Writes an object that still grows. */
export class ObjectWriter {
  readonly object: ObjectId;
  readonly #upload: Upload;
  readonly #filler = new Filler(PART_BYTES);
  #written = 0;
  #last: Promise<void> = Promise.resolve();

  private constructor(upload: Upload) {
    this.object = upload.object;
    this.#upload = upload;
  }

  /** Begin an object; throws `ClientRefused` where the node allows none. */
  static async begin(node: NodeClient, about: NewObject): Promise<ObjectWriter> {
    return new ObjectWriter(await Upload.begin(node, about));
  }

  /**
   * Go on with an object that another page began: what follows are the bytes from `kept` on.
   *
   * @throws ClientRefused (it is sealed already, given up, or another's), TransferFailed.
   */
  static async resume(node: NodeClient, object: ObjectId): Promise<ObjectWriter> {
    const writer = new ObjectWriter(await Upload.resume(node, object));
    writer.#written = writer.kept;
    return writer;
  }

  /** Bytes that the node has kept. */
  get kept(): number {
    return this.#upload.kept;
  }

  /** Bytes that were written here: what is beyond `kept` is lost if this page goes away. */
  get written(): number {
    return this.#written;
  }

  /**
   * Add bytes, in the order of the calls; returns when no more than a part of them waits to be sent. Until then the piece
   * must not be changed. After a failure each further call fails in the same way.
   *
   * @throws ClientRefused, TransferFailed.
   */
  write(piece: Uint8Array): Promise<void> {
    this.#written += piece.length;
    const done = this.#last.then(() => this.#take(piece));
    this.#last = done;
    done.catch(() => {}); // whoever waits for this call or a later one is told
    return done;
  }

  /** Send what is left, and seal the object. */
  async finish(): Promise<SealedObject> {
    await this.#last;
    const rest = this.#filler.rest();
    const before = this.#upload.kept;
    await this.#upload.send(rest, { final: true });
    if (!this.#upload.isComplete) throw lostAfter(before);
    return this.#upload.seal(this.#written);
  }

  /** The same as a stream that is sealed when it is closed. */
  writable(): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      write: (piece) => this.write(piece),
      close: async () => {
        await this.finish();
      },
    });
  }

  async #take(piece: Uint8Array): Promise<void> {
    for (const part of this.#filler.add(piece)) {
      const before = this.#upload.kept;
      await this.#upload.send(part, { final: false });
      // What came before this part is no longer here to be sent again.
      if (this.#upload.kept !== before + part.length) throw lostAfter(before);
    }
  }
}

function lostAfter(kept: number): TransferFailed {
  return new TransferFailed(`the node has lost the ${kept} bytes that it had kept`, { hint: "begin anew" });
}

interface Stored {
  readonly size: number;
  readonly digest: Digest;
}

/** One upload: its ticket, and where the node stands. */
class Upload {
  readonly object: ObjectId;
  readonly #node: NodeClient;
  readonly #signal: AbortSignal | undefined;
  readonly #patience: Patience;
  #ticket: string;
  #kept = 0;
  #stored: Stored | undefined;

  private constructor(node: NodeClient, object: ObjectId, ticket: string, signal: AbortSignal | undefined) {
    this.#node = node;
    this.object = object;
    this.#ticket = ticket;
    this.#signal = signal;
    this.#patience = new Patience(node.sleep);
  }

  static async begin(node: NodeClient, about: NewObject): Promise<Upload> {
    const { mediaType, readers = [], visit = null, subject = null, signal } = about;
    const object = about.object ?? node.ids.next();
    const body = { object, media_type: mediaType, readers: [...readers], visit, subject };
    const { ticket } = resultOf(await node.send({ type: "object.write/1", body }), { ticket: "string" });
    return new Upload(node, object, ticket, signal);
  }

  /** Take up an upload where the node says that it stands. */
  static async resume(node: NodeClient, object: ObjectId): Promise<Upload> {
    const { ticket } = resultOf(await node.send({ type: "object.resume/1", body: { object } }), {
      ticket: "string",
    });
    const upload = new Upload(node, object, ticket, undefined);
    for (;;) {
      try {
        upload.#stand(await upload.#head());
        return upload;
      } catch (error) {
        if (!canGoOn(error)) throw error;
        await upload.#patience.wait(0, error);
      }
    }
  }

  get kept(): number {
    return this.#kept;
  }

  get isComplete(): boolean {
    return this.#stored !== undefined;
  }

  /**
   * Send the bytes that follow what is kept: a whole part, or the last bytes.
   *
   * When it returns, the node stands elsewhere: behind these bytes, or at another place from which to go on.
   */
  async send(bytes: Bytes | Blob, { final }: { readonly final: boolean }): Promise<void> {
    const from = this.#kept;
    while (!this.isComplete && this.#kept === from) {
      try {
        await this.#patch(bytes, final);
        if (this.#kept === from && !this.isComplete)
          await this.#patience.wait(from, new AnswerRefused("the node keeps nothing"));
      } catch (error) {
        this.#signal?.throwIfAborted();
        await this.#recover(error);
      }
    }
  }

  /** Seal the object, once it is stored with exactly the bytes that were sent. */
  async seal(sent: number): Promise<SealedObject> {
    const stored = this.#stored;
    if (stored?.size !== sent)
      throw new AnswerRefused("the node has stored another number of bytes than were sent");
    const body = { object: this.object, size: stored.size, digest: stored.digest };
    const request = await this.#node.sign([{ type: "object.seal/1", body }]);
    return { object: this.object, ...stored, receipt: await this.#sendSurely(request) };
  }

  /** Send the same signed bytes until the node says that it took them; nothing when it had before, and its word was lost. */
  async #sendSurely(request: Bytes): Promise<Receipt | null> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#node.sendSigned(request);
      } catch (error) {
        if (attempt > 0 && error instanceof ClientRefused && error.code === "request-replayed") return null;
        if (!(error instanceof NodeUnreachable)) throw error;
        await this.#patience.wait(this.#kept, error);
      }
    }
  }

  async #patch(body: Bytes | Blob, final: boolean): Promise<void> {
    const headers = {
      authorization: `Bearer ${this.#ticket}`,
      "upload-offset": String(this.#kept),
      "upload-complete": final ? "?1" : "?0",
    };
    const response = await this.#node.http.open("PATCH", this.#path, { headers, body, signal: this.#signal });
    if (final) this.#complete(readStored(await readBounded(response, STORED_BYTES_MAX, this.#signal)));
    else this.#kept = readNumber(response.headers.get("upload-offset"));
  }

  get #path(): string {
    return `/v1/objects/${this.object}/content`;
  }

  #complete(stored: Stored): void {
    this.#stored = stored;
    this.#kept = stored.size;
  }

  /** After a break: wait, and ask the node where it stands. Throws what waiting cannot mend. */
  async #recover(error: unknown): Promise<void> {
    if (error instanceof ClientRefused && error.code === "ticket-refused") await this.#renew();
    else if (!canGoOn(error)) throw error;
    await this.#patience.wait(this.#kept, error);
    await this.#askProgress();
  }

  async #renew(): Promise<void> {
    try {
      const receipt = await this.#node.send({ type: "object.resume/1", body: { object: this.object } });
      this.#ticket = resultOf(receipt, { ticket: "string" }).ticket;
    } catch (error) {
      // An upload that is complete takes no ticket, and needs none but for asking; any other refusal is final.
      if (!(error instanceof NodeUnreachable)) throw error;
    }
  }

  async #askProgress(): Promise<void> {
    let headers: Headers;
    try {
      headers = await this.#head();
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (error instanceof TelesphorError) return; // the next attempt will tell
      throw error;
    }
    this.#stand(headers);
  }

  async #head(): Promise<Headers> {
    const asking = { headers: { authorization: `Bearer ${this.#ticket}` }, signal: this.#signal };
    return (await this.#node.http.open("HEAD", this.#path, asking)).headers;
  }

  /** Take the node's word for where the upload stands. */
  #stand(headers: Headers): void {
    const offset = readNumber(headers.get("upload-offset"));
    if (headers.get("upload-complete") !== "?1") this.#kept = offset;
    else this.#complete({ size: offset, digest: checkDigest(headers.get("object-digest")) });
  }
}

function canGoOn(error: unknown): boolean {
  return isPassing(error) || (error instanceof ClientRefused && AGAIN.includes(error.code));
}

function readStored(data: Bytes): Stored {
  let value: Partial<Stored> | null;
  try {
    value = JSON.parse(utf8Text(data)) as Partial<Stored> | null;
  } catch (cause) {
    throw new AnswerRefused("the node's answer to the upload is not one", { cause });
  }
  if (typeof value?.size !== "number") throw new AnswerRefused("the node's answer to the upload is not one");
  return { size: value.size, digest: checkDigest(value.digest) };
}

function readNumber(text: string | null): number {
  if (text === null || !/^[0-9]{1,16}$/.test(text))
    throw new AnswerRefused("the node does not say how far the upload is");
  return Number(text);
}
