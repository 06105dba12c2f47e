/**
 * Joins the clusters of a recording that begin no whole picture to the one before them, while it is played.
 *
 * Firefox takes every cluster that begins before the last one's final block has ended for a jump, and shows no picture
 * until the next whole one; Chromium's recorder and its own write one cluster a second, and a whole picture every few.
 * So such a cluster's head is left out, and the times of its blocks count from the head that stays (RFC 9559, section
 * 10). Nothing else changes, and what is no WebM goes on as it came: the browser says what it thinks of it.
 */
import { concat, type Bytes } from "../../kernel/bytes";
import {
  BLOCK,
  CLUSTER,
  ENTERED,
  readId,
  readSize,
  SIMPLE_BLOCK,
  TIMESTAMP,
  uintOf,
  WebmMalformed,
} from "../recording/webm";

/** A block's time counts in 16 bits with a sign; this leaves twelve seconds for the last cluster that is joined. */
const JOINED_MS_MAX = 20_000;
/** The head of a block: its track, at most as long as a size, and its time. */
const BLOCK_HEAD_BYTES = 10;
const UINT_BYTES_MAX = 8;

export class ClusterJoiner {
  readonly #isEntry: (offset: number) => boolean;
  #offset: number;
  #waiting: Bytes = new Uint8Array(0);
  #skip = 0;
  /** The head of a cluster whose time is not known yet. */
  #head: { readonly bytes: Bytes; readonly offset: number; readonly isOpen: boolean } | null = null;
  /** The cluster that blocks go to. */
  #base: { readonly timeMs: number; readonly isOpen: boolean } | null = null;
  #shiftMs = 0;
  #isPassing = false;

  /** Begins at a byte of the recording; `isEntry` says of one whether a cluster with a whole picture begins there. */
  constructor(offset: number, isEntry: (offset: number) => boolean) {
    this.#offset = offset;
    this.#isEntry = isEntry;
  }

  /** The bytes to play for the next ones of the recording. */
  add(piece: Bytes): Bytes {
    if (this.#isPassing) return piece;
    const data = concat(this.#waiting, piece);
    const parts: Bytes[] = [];
    try {
      const used = this.#read(data, parts);
      this.#offset += used;
      this.#waiting = data.slice(used);
    } catch {
      this.#isPassing = true;
      return data;
    }
    return concat(...parts);
  }

  /** Take whole elements, and as much of the last one's body as there is; how far it came. */
  #read(data: Bytes, parts: Bytes[]): number {
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, data.length - at);
      if (skipped > 0) parts.push(data.subarray(at, at + skipped));
      this.#skip -= skipped;
      at += skipped;
      const used = this.#skip > 0 ? 0 : this.#element(data.subarray(at), this.#offset + at, parts);
      if (used === 0) return at;
      at += used;
    }
  }

  /** Take the element that begins here, or its head; 0 when more bytes are needed. */
  #element(data: Bytes, offset: number, parts: Bytes[]): number {
    const id = readId(data);
    const size = id === null ? null : readSize(data, id.length);
    if (id === null || size === null) return 0;
    const head = id.length + size.length;
    if (id.value === CLUSTER) {
      this.#head = { bytes: data.slice(0, head), offset, isOpen: size.value === null };
      return head;
    }
    if (ENTERED.includes(id.value)) {
      parts.push(data.slice(0, head));
      return head;
    }
    const body = size.value ?? 0;
    if (id.value === TIMESTAMP && this.#head !== null) {
      if (body > UINT_BYTES_MAX) throw new WebmMalformed("a time that is too long");
      if (data.length < head + body) return 0;
      this.#enter(uintOf(data.subarray(head), body), data.slice(0, head + body), parts);
      return head + body;
    }
    const look = id.value === SIMPLE_BLOCK || id.value === BLOCK ? Math.min(body, BLOCK_HEAD_BYTES) : 0;
    if (data.length < head + look) return 0;
    parts.push(this.#shifted(data.slice(0, head + look), head, look));
    this.#skip = body - look;
    return head + look;
  }

  /** A cluster's time is known: begin it, or leave its head out. */
  #enter(timeMs: number, timestamp: Bytes, parts: Bytes[]): void {
    const [head, base] = [this.#head, this.#base];
    this.#head = null;
    if (head === null) return;
    const joins =
      base?.isOpen === true &&
      head.isOpen &&
      !this.#isEntry(head.offset) &&
      timeMs >= base.timeMs &&
      timeMs - base.timeMs <= JOINED_MS_MAX;
    this.#shiftMs = joins ? timeMs - base.timeMs : 0;
    if (joins) return;
    this.#base = { timeMs, isOpen: head.isOpen };
    parts.push(head.bytes, timestamp);
  }

  /** The same block, whose time counts from the cluster that it goes to. */
  #shifted(block: Bytes, head: number, look: number): Bytes {
    const track = look === 0 || this.#shiftMs === 0 ? null : readSize(block, head);
    if (track === null || look < track.length + 2) return block;
    const view = new DataView(block.buffer, block.byteOffset + head + track.length);
    view.setInt16(0, view.getInt16(0) + this.#shiftMs);
    return block;
  }
}
