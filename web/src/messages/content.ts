/**
 * What is inside an envelope: canonical JSON that names its thread, message, version and sender again.
 *
 * An envelope can be sealed by anybody to anybody; so what is inside must be the very message that the signed header
 * is about. Bytes: `docs/spec/messages.md`. Start at `readContent`.
 */

import { canonical, ENVELOPE_PLAINTEXT_MAX, TelesphorError, type Bytes, type Json } from "~/kernel";
import type { Attached, Content } from "./types";

export const TEXT_CHARS_MAX = 20_000;
export const ATTACHMENTS_MAX = 16;
const NAME_CHARS_MAX = 200;
const FORMAT = "telesphor-message/1";
const MEMBERS = ["attachments", "format", "message", "reply_to", "sender", "text", "thread", "v", "version"];
const ATTACHED_MEMBERS = ["media_type", "name", "object", "size"];

/** The message that a header names. */
export interface Named {
  thread: string;
  message: string;
  version: number;
  sender: string;
}

/** What was sealed is no message, or another one than its header says. */
export class ContentRefused extends TelesphorError {
  constructor(message: string) {
    super("content-refused", "invalid", message);
  }
}

/** The canonical bytes that are sealed. */
export function encodeContent(named: Named, { text, attachments, reply_to }: Content): Bytes {
  const attached = attachments.map((one) => ({ ...one }));
  return canonical.encode({ format: FORMAT, v: 1, ...named, text, attachments: attached, reply_to });
}

/** Read what an envelope held, and hold it against the header; throws `ContentRefused`. */
export function readContent(data: Uint8Array, named: Named): Content {
  const value = decoded(data);
  if (!canonical.hasExactly(value, MEMBERS) || value.format !== FORMAT || value.v !== 1)
    throw new ContentRefused("what was sealed is no message");
  const { text, attachments, reply_to } = value;
  const isText = typeof text === "string" && [...text].length <= TEXT_CHARS_MAX;
  const isReply = reply_to === null || typeof reply_to === "string";
  if (!isText || !isReply || !Array.isArray(attachments) || attachments.length > ATTACHMENTS_MAX)
    throw new ContentRefused("what was sealed is no message");
  if (!attachments.every(isAttached)) throw new ContentRefused("what was sealed is no message");
  const same = (["thread", "message", "version", "sender"] as const).every(
    (name) => value[name] === named[name],
  );
  if (!same) throw new ContentRefused("what was sealed is another message than its header says");
  return { text, attachments, reply_to };
}

function decoded(data: Uint8Array): Json {
  try {
    return canonical.decode(data, { limit: ENVELOPE_PLAINTEXT_MAX });
  } catch {
    throw new ContentRefused("what was sealed is no message");
  }
}

function isAttached(value: unknown): value is Attached {
  if (!canonical.hasExactly(value as Json, ATTACHED_MEMBERS)) return false;
  const { object, name, media_type, size } = value as Record<string, unknown>;
  const named = [object, name, media_type].every(
    (one) => typeof one === "string" && one !== "" && one.length <= NAME_CHARS_MAX,
  );
  return named && typeof size === "number" && size >= 0;
}
