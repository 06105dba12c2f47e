/**
 * The bytes of a recording as an object of the vault.
 *
 * ```
 * "TSREC001" || head length (4 bytes, big-endian) || head || C2SP chunked ciphertext
 * head       canonical JSON {codecs, envelope, v: 1}; the envelope holds the key, for everybody who was in the room
 * plaintext  WebM || index || foot
 * index      12 bytes per mark: time in ms (4), offset in the WebM (8)
 * foot       index length in bytes (4) || duration in ms (4) || "TSINDEX1"
 * ```
 *
 * - INVARIANT: the node never sees the key. It opens for those to whom the envelope was sealed, and nobody else.
 * - The key's context names the object, so that no recording passes as another one's.
 */
import * as base64url from "../../kernel/base64url";
import { type Bytes, concat, equal, utf8 } from "../../kernel/bytes";
import * as canonical from "../../kernel/canonical";
import { openEnvelope, sealEnvelope } from "../../kernel/envelope";
import type { RecipientKey, RecipientPublic } from "../../kernel/recipient";
import { RoomFault } from "../faults";
import type { Mark } from "./webm";

export const MAGIC = utf8("TSREC001");
const FOOT_MAGIC = utf8("TSINDEX1");
export const PREFIX_BYTES = 12;
export const FOOT_BYTES = 16;
const MARK_BYTES = 12;
/** Six recipients of 1.6 kB, twice in base64url; anything much larger is no head. */
export const HEAD_BYTES_MAX = 64 * 1024;
/** A mark every two seconds for a day. Where a recording has more, every second one is dropped. */
export const MARKS_MAX = 43_200;
const CODECS = /^[a-z0-9.,]{1,40}$/;
const PURPOSE = "recording-key";
const ROLE = "participant";

export interface Head {
  readonly codecs: string;
  readonly envelope: Bytes;
}

export interface Index {
  readonly durationMs: number;
  readonly marks: readonly Mark[];
  /** Bytes of WebM in front of it. */
  readonly mediaBytes: number;
}

export function contextOf(object: string): Bytes {
  return utf8(`telesphor-recording/1 ${object}`);
}

/** Seal the key of a recording to everybody who is in the room. */
export function sealRecordingKey(
  key: Bytes,
  object: string,
  recipients: readonly RecipientPublic[],
): Promise<Bytes> {
  const named = recipients.map((recipient) => ({ key: recipient, role: ROLE }));
  return sealEnvelope(key, { recipients: named, purpose: PURPOSE, object });
}

export function openRecordingKey(head: Head, object: string, key: RecipientKey): Promise<Bytes> {
  return openEnvelope(head.envelope, { key, purpose: PURPOSE, object });
}

/** What stands in front of the ciphertext. */
export function encodeHead({ codecs, envelope }: Head): Bytes {
  const head = canonical.encode({ codecs, envelope: base64url.encode(envelope), v: 1 });
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, head.length);
  return concat(MAGIC, length, head);
}

/** How long the head is, from the first `PREFIX_BYTES`. */
export function headLength(prefix: Bytes): number {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const isOne = prefix.length === PREFIX_BYTES && equal(prefix.subarray(0, MAGIC.length), MAGIC);
  if (!isOne || view.getUint32(8) > HEAD_BYTES_MAX) throw new RoomFault("playback-refused");
  return view.getUint32(8);
}

export function decodeHead(data: Bytes): Head {
  const { codecs, envelope, v, ...more } = canonical.decodeObject(data, { limit: HEAD_BYTES_MAX });
  const isKnown = v === 1 && Object.keys(more).length === 0;
  if (!isKnown || typeof codecs !== "string" || !CODECS.test(codecs) || typeof envelope !== "string") {
    throw new RoomFault("playback-refused");
  }
  return { codecs, envelope: base64url.decode(envelope) };
}

/** What stands behind the WebM. */
export function encodeIndex(marks: readonly Mark[], durationMs: number): Bytes {
  const data = new Uint8Array(marks.length * MARK_BYTES + FOOT_BYTES);
  const view = new DataView(data.buffer);
  marks.forEach(({ timeMs, offset }, number) => {
    view.setUint32(number * MARK_BYTES, timeMs);
    view.setBigUint64(number * MARK_BYTES + 4, BigInt(offset));
  });
  const foot = marks.length * MARK_BYTES;
  view.setUint32(foot, foot);
  view.setUint32(foot + 4, durationMs);
  data.set(FOOT_MAGIC, foot + 8);
  return data;
}

/** Bytes of the index, from the last `FOOT_BYTES` of the plaintext. */
export function indexLength(foot: Bytes): number {
  const view = new DataView(foot.buffer, foot.byteOffset, foot.byteLength);
  const isOne = foot.length === FOOT_BYTES && equal(foot.subarray(8), FOOT_MAGIC);
  const length = isOne ? view.getUint32(0) : 0;
  if (!isOne || length > MARKS_MAX * MARK_BYTES || length % MARK_BYTES !== 0)
    throw new RoomFault("playback-refused");
  return length;
}

/** Read index and foot, which are the last bytes of `plaintextBytes`. */
export function decodeIndex(data: Bytes, plaintextBytes: number): Index {
  const length = indexLength(data.slice(data.length - FOOT_BYTES));
  const mediaBytes = plaintextBytes - length - FOOT_BYTES;
  if (data.length !== length + FOOT_BYTES || mediaBytes < 0) throw new RoomFault("playback-refused");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const marks: Mark[] = [];
  for (let at = 0; at < length; at += MARK_BYTES) {
    const mark = { timeMs: view.getUint32(at), offset: Number(view.getBigUint64(at + 4)) };
    const before = marks.at(-1);
    const isBehind = before === undefined || (mark.timeMs >= before.timeMs && mark.offset > before.offset);
    if (!isBehind || mark.offset >= mediaBytes) throw new RoomFault("playback-refused");
    marks.push(mark);
  }
  return { durationMs: view.getUint32(length + 4), marks, mediaBytes };
}

/** The mark to begin at for a moment: the last one that is not behind it. */
export function markFor({ marks }: Index, timeMs: number): Mark | undefined {
  let [low, high] = [0, marks.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((marks[middle] as Mark).timeMs <= timeMs) low = middle;
    else high = middle - 1;
  }
  return marks[low];
}
