/** A recording that is read here and there: head, key, index, and any range of its WebM, each authenticated when it is read. */
import type { Bytes } from "../../kernel/bytes";
import { ChunkReader } from "../../kernel/chunk_reader";
import type { RecipientKey } from "../../kernel/recipient";
import { RoomFault } from "../faults";
import {
  contextOf,
  decodeHead,
  decodeIndex,
  FOOT_BYTES,
  headLength,
  indexLength,
  openRecordingKey,
  PREFIX_BYTES,
  type Index,
} from "../recording/format";

/** Where an object's bytes are read; `ObjectReader` is one. */
export interface RangeReader {
  readonly size: number;
  read(offset: number, length: number): Promise<Bytes>;
}

export class Recording {
  private constructor(
    readonly codecs: string,
    readonly index: Index,
    readonly reader: ChunkReader,
  ) {}

  /** Throws `RoomFault`, `NotARecipient`, `ChunkedRefused`. */
  static async open(object: string, source: RangeReader, key: RecipientKey): Promise<Recording> {
    const length = headLength(await source.read(0, PREFIX_BYTES));
    const head = decodeHead(await source.read(PREFIX_BYTES, length));
    const before = PREFIX_BYTES + length;
    const reader = await ChunkReader.open({
      readAt: (offset, bytes) => source.read(before + offset, bytes),
      ciphertextSize: source.size - before,
      key: await openRecordingKey(head, object, key),
      context: contextOf(object),
    });
    return new Recording(head.codecs, await readIndex(reader), reader);
  }

  /** Bytes of the WebM from `offset` on, at most `length`; none at its end. */
  read(offset: number, length: number): Promise<Bytes> {
    return this.reader.read(offset, Math.max(0, Math.min(length, this.index.mediaBytes - offset)));
  }

  /** What a player needs before any cluster. */
  head(): Promise<Bytes> {
    const first = this.index.marks[0];
    if (first === undefined) throw new RoomFault("playback-refused");
    return this.read(0, first.offset);
  }
}

async function readIndex(reader: ChunkReader): Promise<Index> {
  if (reader.size < FOOT_BYTES) throw new RoomFault("playback-refused");
  const length = indexLength(await reader.read(reader.size - FOOT_BYTES, FOOT_BYTES));
  const from = reader.size - FOOT_BYTES - length;
  if (from < 0) throw new RoomFault("playback-refused");
  return decodeIndex(await reader.read(from, length + FOOT_BYTES), reader.size);
}
