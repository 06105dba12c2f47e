/**
 * What a recording needs to be finished when the page that made it is gone, in this browser's IndexedDB.
 *
 * - Kept are bytes as they are uploaded (ciphertext, and the head with the key sealed to people's own keys), the places to
 *   enter, and times; never a key, a picture or a sound. It opens for whoever holds the person's keys, and nobody else.
 * - Bytes that the node has are let go, so that a recording of two hours takes as much space as the network is behind.
 * - INVARIANT: what was noted is on the disk when `append` returns (durability `strict`). `sealer.ts` says why.
 *
 * Start at `RecordingJournal.open`; `guard.ts` writes it, `finish.ts` reads it.
 */
import { type Bytes, concat } from "../../kernel/bytes";
import { RoomFault } from "../faults";
import type { Mark } from "./webm";
import type { Sealed } from "./writer";

/** What may wait for the network in memory, two parts of an upload, and a margin. */
export const JOURNAL_BYTES_MAX = 80 * 1024 * 1024;
/** Recordings that wait to be finished; somebody with more of them reads no notices. */
export const UNFINISHED_MAX = 8;
/** The node gives up an upload after seven days; then nothing can be finished any more. */
export const KEPT_MS = 7 * 24 * 3_600_000;

const DATABASE = "telesphor-recordings";
const VERSION = 1;
const FORMAT = "telesphor-recording-journal/1";
const STORES = ["recordings", "progress", "pieces", "marks"] as const;

/** What a recording began with. */
export interface Begun {
  readonly object: string;
  readonly actor: string;
  /** The node's name. */
  readonly origin: string;
  readonly visit: string;
  readonly startedMs: number;
  /** What stands in front of the ciphertext; its envelope holds the key. */
  readonly head: Bytes;
  /** The ciphertext's own first bytes: salt and commitment. */
  readonly header: Bytes;
}

/** How far it came. */
export interface Progress {
  readonly object: string;
  /** Bytes of the object that were sealed, and those in front that are kept here no longer. */
  readonly size: number;
  readonly dropped: number;
  readonly durationMs: number;
  /** Whether its end is among them. */
  readonly ended: boolean;
}

export type Unfinished = Begun & Progress;

interface Piece {
  readonly object: string;
  readonly at: number;
  readonly bytes: Bytes;
}

type Stores = Record<(typeof STORES)[number], IDBObjectStore>;

export class RecordingJournal {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
    // Another tab with a newer version of this program must not wait for this one.
    database.onversionchange = () => database.close();
  }

  /** Throws `journal-refused` where the browser keeps nothing. */
  static async open(factory: IDBFactory = indexedDB): Promise<RecordingJournal> {
    try {
      const request = factory.open(DATABASE, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("recordings", { keyPath: "object" });
        request.result.createObjectStore("progress", { keyPath: "object" });
        request.result.createObjectStore("pieces", { keyPath: ["object", "at"] });
        request.result.createObjectStore("marks", { keyPath: ["object", "offset"] });
      };
      return new RecordingJournal(await answerOf(request));
    } catch (cause) {
      throw new RoomFault("journal-refused", { cause });
    }
  }

  /** Note a recording; throws `journal-full` where so many wait already. */
  async begin(begun: Begun): Promise<void> {
    const { object, head, header } = begun;
    await this.#write(async ({ recordings, progress, pieces }) => {
      if ((await answerOf(recordings.count())) >= UNFINISHED_MAX) throw new RoomFault("journal-full");
      const first = { size: head.length + header.length, dropped: 0, durationMs: 0, ended: false };
      recordings.add({ format: FORMAT, ...begun });
      progress.add({ object, ...first } satisfies Progress);
      pieces.add({ object, at: 0, bytes: concat(head, header) } satisfies Piece);
    });
  }

  /** Note what was sealed; throws `journal-full` where the network is too far behind. */
  async append(object: string, { bytes, marks, durationMs, ended }: Sealed): Promise<void> {
    await this.#write(async (stores) => {
      const before = await progressOf(stores, object);
      const size = before.size + bytes.length;
      if (before.ended || size - before.dropped > JOURNAL_BYTES_MAX) throw new RoomFault("journal-full");
      if (bytes.length > 0) stores.pieces.add({ object, at: before.size, bytes } satisfies Piece);
      for (const mark of marks) stores.marks.add({ object, ...mark });
      stores.progress.put({ ...before, size, durationMs, ended } satisfies Progress);
    });
  }

  /** Let go of what the node has: everything in front of `kept`. */
  async release(object: string, kept: number): Promise<void> {
    await this.#write(async (stores) => {
      const before = await progressOf(stores, object);
      // The newest piece that begins in front of there is still needed; those before it are not.
      const range = IDBKeyRange.bound([object, 0], [object, kept]);
      const cursor = await answerOf(stores.pieces.openKeyCursor(range, "prev"));
      const [, dropped] = (cursor?.key ?? [object, 0]) as [string, number];
      if (dropped <= before.dropped) return;
      stores.pieces.delete(IDBKeyRange.bound([object, 0], [object, dropped], false, true));
      stores.progress.put({ ...before, dropped } satisfies Progress);
    });
  }

  /** Recordings of an actor at a node, the newest first. */
  async list(actor: string, origin: string): Promise<Unfinished[]> {
    const stores = this.#stores("readonly");
    const all = await answerOf(stores.recordings.getAll() as IDBRequest<(Begun & { format: string })[]>);
    const mine = all.filter((one) => one.format === FORMAT && one.actor === actor && one.origin === origin);
    const found = mine.map(async (one) => ({ ...one, ...(await progressOf(stores, one.object)) }));
    return (await Promise.all(found)).sort((one, other) => other.startedMs - one.startedMs);
  }

  /** One recording with its places to enter; throws `journal-refused` when it is not here. */
  async read(object: string): Promise<{ recording: Unfinished; marks: Mark[] }> {
    const stores = this.#stores("readonly");
    const begun = await answerOf(stores.recordings.get(object) as IDBRequest<Begun | undefined>);
    const progress = await progressOf(stores, object);
    if (begun === undefined) throw new RoomFault("journal-refused");
    const rows = await answerOf(stores.marks.getAll(rangeOf(object)) as IDBRequest<Mark[]>);
    const marks = rows.map(({ timeMs, offset }) => ({ timeMs, offset }));
    return { recording: { ...begun, ...progress }, marks };
  }

  /** The bytes from `offset` on, one piece after the other; throws `recording-lost` where they are not here. */
  async *bytes(object: string, offset: number): AsyncGenerator<Bytes> {
    const { size, dropped } = await progressOf(this.#stores("readonly"), object);
    if (offset < dropped || offset > size) throw new RoomFault("recording-lost");
    for (let at = offset; at < size;) {
      // One piece at a time: a transaction does not live while the network is waited for.
      const range = IDBKeyRange.bound([object, 0], [object, at]);
      const cursor = await answerOf(this.#stores("readonly").pieces.openCursor(range, "prev"));
      const piece = cursor?.value as Piece | undefined;
      const rest = piece?.bytes.subarray(at - piece.at);
      if (rest === undefined || rest.length === 0) throw new RoomFault("recording-lost");
      at += rest.length;
      yield rest;
    }
  }

  /** Forget what began before, whoever's it is: nobody can finish it any more. */
  async removeOlder(beforeMs: number): Promise<void> {
    const all = await answerOf(this.#stores("readonly").recordings.getAll() as IDBRequest<Begun[]>);
    for (const { object, startedMs } of all) if (startedMs < beforeMs) await this.remove(object);
  }

  /** Forget a recording; what the node has of it stays there. */
  async remove(object: string): Promise<void> {
    await this.#write(async ({ recordings, progress, pieces, marks }) => {
      recordings.delete(object);
      progress.delete(object);
      pieces.delete(rangeOf(object));
      marks.delete(rangeOf(object));
    });
  }

  close(): void {
    this.#database.close();
  }

  #stores(mode: IDBTransactionMode): Stores {
    const transaction = this.#database.transaction(STORES, mode, { durability: "strict" });
    return storesOf(transaction);
  }

  /** One transaction, whole or not at all; on the disk when it returns. */
  async #write(work: (stores: Stores) => Promise<void>): Promise<void> {
    const transaction = this.#database.transaction(STORES, "readwrite", { durability: "strict" });
    const ended = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () =>
        reject(new RoomFault("journal-refused", { cause: transaction.error ?? undefined }));
    });
    ended.catch(() => undefined); // Where the work fails, its own error says why.
    await work(storesOf(transaction)).catch((error: unknown) => {
      abort(transaction);
      throw error;
    });
    await ended;
  }
}

/** A transaction whose request failed is aborted already. */
function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    return;
  }
}

function storesOf(transaction: IDBTransaction): Stores {
  return {
    recordings: transaction.objectStore("recordings"),
    progress: transaction.objectStore("progress"),
    pieces: transaction.objectStore("pieces"),
    marks: transaction.objectStore("marks"),
  };
}

async function progressOf({ progress }: Stores, object: string): Promise<Progress> {
  const found = await answerOf(progress.get(object) as IDBRequest<Progress | undefined>);
  if (found === undefined) throw new RoomFault("journal-refused");
  return found;
}

function rangeOf(object: string): IDBKeyRange {
  return IDBKeyRange.bound([object, 0], [object, Number.MAX_SAFE_INTEGER]);
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the request failed"));
  });
}
