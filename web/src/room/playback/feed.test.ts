// @vitest-environment happy-dom
/** Seeking after the end of the stream, with a source buffer that refuses what the specification has it refuse. */

import { afterEach, expect, test, vi } from "vitest";
import { Feed } from "./feed";
import type { Recording } from "./recording";

const PIECE = 10;
const refuse = () => {
  throw new DOMException("not in this state", "InvalidStateError");
};

/** Media Source Extensions, sections 3 and 5: what opens an ended source, and what is refused within a segment. */
class Source extends EventTarget {
  static made: Source;
  static isTypeSupported = () => true;
  readyState = "closed";
  duration = NaN;
  buffer = new Buffer(this);
  constructor() {
    super();
    Source.made = this;
  }
  addSourceBuffer = () => this.buffer;
  endOfStream(): void {
    this.readyState = "ended";
  }
}

class Buffer extends EventTarget {
  appended: number[] = [];
  aborted = 0;
  updating = false;
  buffered = { length: 0 };
  constructor(private readonly source: Source) {
    super();
  }
  /** A cluster of unknown size never ends: the parser is always within it. */
  set timestampOffset(_: number) {
    this.source.readyState = "open";
    refuse();
  }
  appendBuffer(piece: Uint8Array): void {
    this.appended.push(piece[0] ?? -1);
    this.work();
  }
  remove(start: number, end: number): void {
    if (this.updating || !(start <= this.source.duration && end > start)) refuse();
    this.source.readyState = "open";
    this.work();
  }
  abort(): void {
    if (this.source.readyState !== "open") refuse();
    this.aborted += 1;
  }
  work(): void {
    if (this.updating || this.source.readyState !== "open") refuse();
    this.updating = true;
    setTimeout(() => {
      this.updating = false;
      this.dispatchEvent(new Event("updateend"));
    });
  }
}

afterEach(() => vi.unstubAllGlobals());

test("a seek after the end of the stream begins again at the last whole picture before it", async () => {
  vi.stubGlobal("MediaSource", Source);
  vi.stubGlobal("URL", { createObjectURL: () => "blob:x", revokeObjectURL: () => undefined });
  const marks = [
    { timeMs: 0, offset: PIECE },
    { timeMs: 1_000, offset: 2 * PIECE },
  ];
  const recording = {
    codecs: "vp8,opus",
    index: { durationMs: 2_000, marks, mediaBytes: 3 * PIECE },
    head: () => Promise.resolve(new Uint8Array(PIECE)),
    read: (at: number) => Promise.resolve(new Uint8Array(at < 3 * PIECE ? PIECE : 0).fill(at)),
  } as unknown as Recording;
  const faults: unknown[] = [];
  const video = document.createElement("video");
  const feed = new Feed(video, recording, (error) => faults.push(error));
  const source = Source.made;
  source.readyState = "open";
  source.dispatchEvent(new Event("sourceopen"));
  await vi.waitFor(() => expect(source.readyState).toBe("ended"));
  expect(source.buffer.appended).toEqual([0, PIECE, 2 * PIECE]);

  Object.defineProperty(video, "currentTime", { value: 1.5, configurable: true });
  video.dispatchEvent(new Event("seeking"));
  await vi.waitFor(() => expect(source.buffer.appended).toHaveLength(4));
  expect(source.buffer.appended.at(-1)).toBe(2 * PIECE);
  expect(source.buffer.aborted).toBe(1);
  expect(faults).toEqual([]);
  feed.end();
});
