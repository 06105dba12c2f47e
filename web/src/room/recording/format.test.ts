import { beforeAll, describe, expect, test } from "vitest";
import { concat, type Bytes } from "../../kernel/bytes";
import { generateRecipientKey, type RecipientKey } from "../../kernel/recipient";
import { Recording, type RangeReader } from "../playback/recording";
import { decodeIndex, encodeIndex, markFor } from "./format";
import { makeWebm } from "./testing";
import { WebmScanner, type Mark } from "./webm";
import { RecordingWriter } from "./writer";

const OBJECT = "0198c000-0000-7000-8000-000000000001";
const CLUSTERS = 40;
const BLOCK_BYTES = 3_000;

let alice: RecipientKey;
let mallory: RecipientKey;

beforeAll(async () => {
  [alice, mallory] = await Promise.all([generateRecipientKey(), generateRecipientKey()]);
});

const bytes = (...values: number[]) => new Uint8Array(values);
const webm = () => makeWebm({ clusters: CLUSTERS, blockBytes: BLOCK_BYTES });

async function record(data: Bytes, step = 1_000): Promise<Bytes> {
  const kept: Bytes[] = [];
  const sink = { write: (piece: Bytes) => Promise.resolve(void kept.push(piece)) };
  const writer = await RecordingWriter.begin({
    object: OBJECT,
    codecs: "vp8,opus",
    recipients: [alice.public],
    sink,
  });
  for (let at = 0; at < data.length; at += step) writer.add(data.slice(at, at + step));
  const { durationMs } = await writer.finish();
  expect(durationMs).toBe((CLUSTERS - 1) * 2_000 + 40);
  return concat(...kept);
}

class Kept implements RangeReader {
  read_bytes = 0;
  constructor(readonly data: Bytes) {}
  get size(): number {
    return this.data.length;
  }
  read(offset: number, length: number): Promise<Bytes> {
    this.read_bytes += length;
    return Promise.resolve(this.data.slice(offset, offset + length));
  }
}

describe("a recording", () => {
  test("comes back byte for byte, with a place to begin for each whole picture", async () => {
    const { data, offsets } = webm();
    const recording = await Recording.open(OBJECT, new Kept(await record(data)), alice);
    expect(recording.codecs).toBe("vp8,opus");
    expect(recording.index.marks.map(({ offset }) => offset)).toEqual(
      offsets.filter((_, number) => number !== 2),
    );
    expect(await recording.read(0, data.length + 1_000)).toEqual(data);
    expect((await recording.head()).length).toBe(offsets[0]);
  });

  test("a seek reads the place that it needs and not what is before it", async () => {
    const { data, offsets } = webm();
    const kept = new Kept(await record(data));
    const recording = await Recording.open(OBJECT, kept, alice);
    const mark = markFor(recording.index, 71_500);
    expect(mark).toEqual({ timeMs: 70_000, offset: offsets[35] });
    const before = kept.read_bytes;
    await recording.read(mark?.offset ?? 0, 2_000);
    expect(kept.read_bytes - before).toBeLessThan(40_000);
    expect(markFor(recording.index, 5_000)?.timeMs).toBe(2_000);
  });

  test("does not open for anybody else, nor as another object, nor without its end", async () => {
    const kept = await record(webm().data);
    await expect(Recording.open(OBJECT, new Kept(kept), mallory)).rejects.toMatchObject({
      code: "not-a-recipient",
    });
    const other = OBJECT.replace("1", "2");
    await expect(Recording.open(other, new Kept(kept), alice)).rejects.toMatchObject({
      code: "seal-refused",
    });
    await expect(Recording.open(OBJECT, new Kept(kept.slice(0, -100)), alice)).rejects.toThrow();
    const altered = kept.slice();
    altered[kept.length - 20] = (altered[kept.length - 20] ?? 0) ^ 1;
    await expect(Recording.open(OBJECT, new Kept(altered), alice)).rejects.toThrow();
  });

  test.each([
    ["no magic", new Uint8Array(200)],
    ["a head of 16 MiB", concat(new TextEncoder().encode("TSREC001"), bytes(1, 0, 0, 0), new Uint8Array(50))],
  ])("with %s is refused before more is read", async (_, data) => {
    await expect(Recording.open(OBJECT, new Kept(data), alice)).rejects.toMatchObject({
      code: "playback-refused",
    });
  });

  test("an index that points outside or backwards is refused", () => {
    const read = (marks: Mark[]) => {
      const data = encodeIndex(marks, 1_000);
      return decodeIndex(data, data.length + 500);
    };
    expect(read([{ timeMs: 0, offset: 10 }]).mediaBytes).toBe(500);
    expect(() => read([{ timeMs: 0, offset: 500 }])).toThrow();
    expect(() =>
      read([
        { timeMs: 5, offset: 20 },
        { timeMs: 4, offset: 30 },
      ]),
    ).toThrow();
    expect(() =>
      read([
        { timeMs: 5, offset: 20 },
        { timeMs: 6, offset: 20 },
      ]),
    ).toThrow();
  });

  test("the scanner finds the same places however the bytes are cut", () => {
    const { data, offsets } = webm();
    for (const step of [1, 7, 4_096, data.length]) {
      const marks: number[] = [];
      const scanner = new WebmScanner(({ offset }) => marks.push(offset));
      for (let at = 0; at < data.length; at += step) scanner.add(data.subarray(at, at + step));
      expect(marks).toEqual(offsets.filter((_, number) => number !== 2));
    }
  });

  test("what is not WebM is refused", () => {
    expect(() => new WebmScanner(() => undefined).add(new Uint8Array(64).fill(0x42))).toThrow(/not WebM/);
  });
});
