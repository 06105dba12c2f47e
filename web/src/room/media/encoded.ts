/**
 * Encoded audio and video frames: which of their bytes stay clear, and how the rest is sealed.
 *
 * - Opus stays wholly sealed. Of VP8 the first bytes stay clear (10 of a key frame, 3 of another): the packetizer and the
 *   depacketizer read the frame's type and size there (RFC 7741). They are authenticated.
 * - What is sealed is bound to its slot (microphone, camera, screen), so that no relay can show a camera as a screen.
 *
 * Layout: `clear || SFrame(header || ciphertext || tag)`, metadata = slot byte || clear.
 */
import type { Bytes } from "../../kernel/bytes";
import { FrameRefused } from "./sframe";

/** What a track carries; the order is that of the transceivers of every connection. */
export type Slot = "microphone" | "camera" | "screen";
export const SLOTS: readonly Slot[] = ["microphone", "camera", "screen"];

const VP8_KEY_CLEAR = 10;
const VP8_DELTA_CLEAR = 3;

export interface Split {
  readonly clear: Bytes;
  readonly rest: Bytes;
}

/** Cut an encoded or a sealed frame behind its clear bytes; `FrameRefused` when it is too short to be one. */
export function splitFrame(slot: Slot, frame: Bytes): Split {
  const size = clearSize(slot, frame);
  if (frame.length <= size) throw new FrameRefused("malformed");
  return { clear: frame.slice(0, size), rest: frame.subarray(size) };
}

/** What is authenticated beside the SFrame header. */
export function metadataOf(slot: Slot, clear: Bytes): Bytes {
  const metadata = new Uint8Array(1 + clear.length);
  metadata[0] = SLOTS.indexOf(slot);
  metadata.set(clear, 1);
  return metadata;
}

/** Put clear bytes and the rest together again. */
export function joinFrame(clear: Bytes, rest: Bytes): ArrayBuffer {
  const whole = new Uint8Array(clear.length + rest.length);
  whole.set(clear);
  whole.set(rest, clear.length);
  return whole.buffer;
}

function clearSize(slot: Slot, frame: Bytes): number {
  if (slot === "microphone") return 0;
  // RFC 6386, section 9.1: the lowest bit of the first byte is 0 in a key frame.
  const isKey = ((frame[0] ?? 1) & 1) === 0;
  return isKey ? VP8_KEY_CLEAR : VP8_DELTA_CLEAR;
}
