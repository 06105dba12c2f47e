/** Clusters are joined without a block being lost or moved in time, however the bytes are cut. */

import { expect, test } from "vitest";
import { concat, type Bytes } from "../../kernel/bytes";
import { makeWebm } from "../recording/testing";
import {
  BLOCK,
  CLUSTER,
  ENTERED,
  readId,
  readSize,
  SIMPLE_BLOCK,
  TIMESTAMP,
  uintOf,
} from "../recording/webm";
import { ClusterJoiner } from "./clusters";

const { data, offsets } = makeWebm({ clusters: 13, blockBytes: 500 });
/** Of the clusters of two seconds, every third begins with a whole picture, or none but the first. */
const THIRDS = offsets.filter((_, number) => number % 3 === 0);

test.each([1, 7, 333, data.length])("every block keeps its time where pieces are of %d bytes", (size) => {
  const joined = join(data, { from: 0, entries: THIRDS, size });
  expect(blocksOf(joined).blocks).toEqual(blocksOf(data).blocks);
  expect(blocksOf(joined).clusters).toEqual([0, 6_000, 12_000, 18_000, 24_000]);
});

test("what was sought begins a cluster of its own, and what follows counts from it", () => {
  const from = offsets[4] ?? 0;
  const joined = join(data.subarray(from), { from, entries: THIRDS, size: 100 });
  expect(blocksOf(joined).blocks).toEqual(blocksOf(data.subarray(from)).blocks);
  expect(blocksOf(joined).clusters).toEqual([8_000, 12_000, 18_000, 24_000]);
});

test("a cluster too far away for the times of its blocks begins anew", () => {
  const joined = join(data, { from: 0, entries: [], size: data.length });
  expect(blocksOf(joined).clusters).toEqual([0, 22_000]);
  expect(blocksOf(joined).blocks).toEqual(blocksOf(data).blocks);
});

test("a cluster of known size takes in nothing, as what follows would be outside of it", () => {
  const known = concat(
    ...[0, 1].map((second) =>
      Uint8Array.of(0x1f, 0x43, 0xb6, 0x75, 0x89, 0xe7, 0x81, second, 0xa3, 0x84, 0x81, 0, 0, 0x80),
    ),
  );
  expect(join(known, { from: 0, entries: [], size: 5 })).toEqual(known);
});

test("what is no WebM goes on as it came", () => {
  const noise = new Uint8Array(300).map((_, at) => (at < 20 ? (data[at] ?? 0) : 0));
  expect(join(noise, { from: 0, entries: [], size: 16 })).toEqual(noise);
});

function join(bytes: Bytes, given: { from: number; entries: readonly number[]; size: number }): Bytes {
  const joiner = new ClusterJoiner(given.from, (offset) => given.entries.includes(offset));
  const parts: Bytes[] = [];
  for (let at = 0; at < bytes.length; at += given.size)
    parts.push(joiner.add(bytes.slice(at, at + given.size)));
  return concat(...parts);
}

/** Times of the clusters, and of each block its track, time and bytes. */
function blocksOf(bytes: Bytes): { clusters: number[]; blocks: [number, number, Bytes][] } {
  const found = { clusters: [] as number[], blocks: [] as [number, number, Bytes][] };
  for (let at = 0; at < bytes.length;) {
    const id = readId(bytes.subarray(at));
    const size = id && readSize(bytes, at + id.length);
    if (id === null || size === null) throw new Error("cut off");
    at += id.length + size.length;
    if (id.value === CLUSTER || ENTERED.includes(id.value)) continue;
    const body = bytes.slice(at, at + (size.value ?? 0));
    at += body.length;
    if (id.value === TIMESTAMP) found.clusters.push(uintOf(body, body.length));
    if (id.value !== SIMPLE_BLOCK && id.value !== BLOCK) continue;
    const timeMs = (found.clusters.at(-1) ?? 0) + new DataView(body.buffer).getInt16(1);
    found.blocks.push([body[0] ?? 0, timeMs, body.slice(3)]);
  }
  return found;
}
