/** RLP (Ethereum Yellow Paper, appendix B), read strictly: every item has one spelling. Start at `decodeRlp`. */

import type { Bytes } from "../bytes";
import { bigOf } from "../bytes";
import { refuse } from "../refusal";

export type Item = Bytes | readonly Item[];

const DEPTH_MAX = 4;
const ITEMS_MAX = 1024;
const STRING = 0x80;
const LIST = 0xc0;
const SHORT_MAX = 55;

/** The one item that these bytes are (`rlp-refused`). */
export function decodeRlp(data: Bytes): Item {
  const reader = new Reader(data);
  const [item, end] = reader.read(0, data.length, 0);
  if (end !== data.length) bad("there are bytes after the end of the RLP item");
  return item;
}

export function isList(item: Item | undefined): item is readonly Item[] {
  return Array.isArray(item);
}

/** The item, which must be a byte string, of exactly `size` bytes when that is given. */
export function byteString(item: Item | undefined, what: string, size?: number): Bytes {
  if (!(item instanceof Uint8Array) || (size !== undefined && item.length !== size)) {
    bad(`${what} is not a byte string${size === undefined ? "" : ` of ${size} bytes`}`);
  }
  return item;
}

/** The item as a number: big-endian, without leading zeros, at most `most`. */
export function numberOf(item: Item | undefined, what: string, most: bigint): bigint {
  const data = byteString(item, what);
  const fits = data[0] !== 0 && data.length <= 32;
  const value = fits ? bigOf(data) : most + 1n;
  if (value > most) bad(`${what} is not a number within bounds`);
  return value;
}

class Reader {
  private count = 0;

  constructor(private readonly data: Bytes) {}

  /** The item that begins at `at` and may not reach past `limit`, and where it ends. */
  read(at: number, limit: number, depth: number): [Item, number] {
    if (++this.count > ITEMS_MAX) bad(`the RLP document has more than ${ITEMS_MAX} items`);
    const { begin, end, list } = this.bounds(at, limit);
    return [list ? this.readList(begin, end, depth) : this.data.subarray(begin, end), end];
  }

  private readList(at: number, end: number, depth: number): readonly Item[] {
    if (depth >= DEPTH_MAX) bad(`the RLP document is more than ${DEPTH_MAX} lists deep`);
    const items: Item[] = [];
    for (let next = at; next < end;) {
      const [item, after] = this.read(next, end, depth + 1);
      items.push(item);
      next = after;
    }
    return items;
  }

  private bounds(at: number, limit: number): { begin: number; end: number; list: boolean } {
    if (at >= limit) bad("the RLP document ends too early");
    const first = this.data[at] as number;
    if (first < STRING) return { begin: at, end: at + 1, list: false };
    const list = first >= LIST;
    let length = first - (list ? LIST : STRING);
    let begin = at + 1;
    if (length > SHORT_MAX) {
      const size = length - SHORT_MAX;
      length = this.longLength(begin, size, limit);
      begin += size;
    } else if (length === 1 && !list && begin < limit && (this.data[begin] as number) < STRING) {
      bad("a single small byte has a length in front of it");
    }
    if (length > limit - begin) bad("an RLP item is longer than what holds it");
    return { begin, end: begin + length, list };
  }

  private longLength(at: number, size: number, limit: number): number {
    if (size > limit - at) bad("the RLP document ends within a length");
    const length = Number(bigOf(this.data.subarray(at, at + size)));
    if (this.data[at] === 0 || length <= SHORT_MAX) bad("an RLP length is not written the shortest way");
    return length;
  }
}

function bad(message: string): never {
  refuse("rlp-refused", message);
}
