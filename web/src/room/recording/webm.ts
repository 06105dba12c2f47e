/**
 * Where a WebM stream can be entered: a scanner that reads it piece by piece, in constant memory (RFC 8794, RFC 9559).
 *
 * A browser's recorder writes no index and no duration. This finds each cluster, its time, and whether its picture begins
 * anew there. It only looks; every byte goes on as it came.
 */

/** A place to begin playing: how far into the recording, and at which byte. */
export interface Mark {
  readonly timeMs: number;
  readonly offset: number;
}

export class WebmMalformed extends Error {
  readonly code = "webm-malformed";
  constructor(what: string) {
    super(`the recording is not WebM: ${what}`);
  }
}

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
export const CLUSTER = 0x1f43b675;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
export const TIMESTAMP = 0xe7;
export const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
/** Within a group. */
export const BLOCK = 0xa1;

/** Whose bodies are elements too. */
export const ENTERED: readonly number[] = [SEGMENT, CLUSTER, TRACKS, TRACK_ENTRY, BLOCK_GROUP];
const VIDEO = 1;
/** What is looked at of a body: an integer, or the head of a block. */
const LOOK_BYTES = 8;

export class WebmScanner {
  /** Milliseconds of the newest block. */
  newestMs = 0;
  readonly #onMark: (mark: Mark) => void;
  #waiting = new Uint8Array(0);
  #skip = 0;
  #offset = 0;
  #begun = false;
  #track = 0;
  #video: number | null = null;
  #cluster: { offset: number; timeMs: number; marked: boolean } | null = null;

  constructor(onMark: (mark: Mark) => void) {
    this.#onMark = onMark;
  }

  /** Look at the next bytes. Throws `WebmMalformed`. */
  add(piece: Uint8Array): void {
    let data = piece;
    if (this.#waiting.length > 0) {
      data = new Uint8Array(this.#waiting.length + piece.length);
      data.set(this.#waiting);
      data.set(piece, this.#waiting.length);
    }
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, data.length - at);
      this.#skip -= skipped;
      at += skipped;
      const used = this.#skip > 0 ? 0 : this.#element(data.subarray(at), this.#offset + at);
      if (used === 0) break;
      at += used;
    }
    this.#offset += at;
    this.#waiting = data.slice(at);
  }

  /** Take the element that begins here; 0 when more bytes are needed. */
  #element(data: Uint8Array, offset: number): number {
    const id = readId(data);
    if (id === null) return 0;
    const size = readSize(data, id.length);
    if (size === null) return 0;
    const head = id.length + size.length;
    if (!this.#begun && id.value !== EBML) throw new WebmMalformed("it does not begin as EBML does");
    this.#begun = true;
    if (ENTERED.includes(id.value)) {
      if (id.value === CLUSTER) this.#cluster = { offset, timeMs: 0, marked: false };
      return head;
    }
    if (size.value === null) throw new WebmMalformed("an element without an end");
    const look = Math.min(size.value, LOOK_BYTES);
    if (data.length < head + look) return 0;
    this.#look(id.value, data.subarray(head, head + look), size.value);
    this.#skip = size.value;
    return head;
  }

  #look(id: number, body: Uint8Array, size: number): void {
    if (id === TRACK_NUMBER) this.#track = uintOf(body, size);
    else if (id === TRACK_TYPE && uintOf(body, size) === VIDEO) this.#video ??= this.#track;
    else if (id === TIMESTAMP && this.#cluster !== null) this.#cluster.timeMs = uintOf(body, size);
    else if (id === SIMPLE_BLOCK) this.#block(body);
  }

  #block(body: Uint8Array): void {
    const track = readSize(body, 0);
    if (this.#cluster === null || track === null || body.length < track.length + 3)
      throw new WebmMalformed("a block out of place");
    const view = new DataView(body.buffer, body.byteOffset + track.length);
    const timeMs = Math.max(0, this.#cluster.timeMs + view.getInt16(0));
    this.newestMs = Math.max(this.newestMs, timeMs);
    const isPicture = this.#video === null || track.value === this.#video;
    if (this.#cluster.marked || !isPicture) return;
    this.#cluster.marked = true;
    const isWhole = (view.getUint8(2) & 0x80) !== 0;
    if (isWhole) this.#onMark({ timeMs: this.#cluster.timeMs, offset: this.#cluster.offset });
  }
}

/** The id that begins here; null when more bytes are needed. Throws `WebmMalformed`. */
export function readId(data: Uint8Array): { value: number; length: number } | null {
  const length = lengthOf(data[0], 4, "an id");
  if (length === null || data.length < length) return null;
  return { value: uintOf(data, length), length };
}

/** A variable-length integer; its value is null where the size is not known. Null when more bytes are needed. */
export function readSize(data: Uint8Array, at: number): { value: number | null; length: number } | null {
  const length = lengthOf(data[at], 8, "a size");
  if (length === null || data.length < at + length) return null;
  let value = (data[at] as number) & (0xff >> length);
  let isUnknown = value === 0xff >> length;
  for (let next = at + 1; next < at + length; next += 1) {
    const byte = data[next] as number;
    isUnknown &&= byte === 0xff;
    value = value * 256 + byte;
  }
  if (isUnknown) return { value: null, length };
  if (!Number.isSafeInteger(value)) throw new WebmMalformed("a size that no recording has");
  return { value, length };
}

function lengthOf(first: number | undefined, max: number, what: string): number | null {
  if (first === undefined) return null;
  const length = Math.clz32(first) - 23;
  if (length > max) throw new WebmMalformed(what);
  return length;
}

/** A big-endian integer of so many bytes. */
export function uintOf(data: Uint8Array, size: number): number {
  let value = 0;
  for (const byte of data.subarray(0, size)) value = value * 256 + byte;
  return value;
}
