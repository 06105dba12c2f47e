/**
 * Attached files as the compliance monitor reads them, so that a sender is warned of what stands in a text before it is
 * sent. The same steps as the monitor's (`monitor/files.py`), held to it by `tests/vectors/monitor.json`; a PDF is the
 * monitor's alone. Nothing leaves the page. Start at `scanFile`.
 */

import rules from "../../../src/telesphor/capabilities/messages/monitor/rules.json";
import { endingOf, join, meet, scanFileText, type Finding, type Written } from "./scanner";

export type FileClass = "text" | "unknown" | "closed";

const RULES = rules.attachments;
const PDF_MARK_WITHIN = 1024;
const UNREADABLE_SHARE = 0.3;
const ESCAPES = /\\u([0-9a-fA-F]{4})|&#(?:[xX]([0-9a-fA-F]{1,6})|([0-9]{1,7}));/g;
const LAST_CHARACTER = 0x10ffff;

/**
 * What a file of a draft meets as a text; null for what the monitor does not open, and for PDF files, which only it opens:
 * of them it is known here that those it would not read whole are said to be so.
 */
export async function scanFile(
  file: File,
  known: Pick<Written, "names" | "domains">,
): Promise<Finding | null> {
  const kind = classOf([file.type], file.name);
  if (kind === "closed") return null;
  const data = await beginningOf(file);
  // What is called a text is read as one, whatever else its bytes are.
  if (kind === "text" || !isPdf(data)) return scanBytes(data, { ...known, kind, size: file.size });
  return file.size > RULES.pdf_bytes ? meet(RULES.not_read) : null;
}

/** What the monitor does with a file: it reads what is read `here` too, it reads it `later` alone, or it never opens it. */
export type Fate = "here" | "later" | "never";

/** What will become of a file, of which its kind alone may be known. */
export async function fateOf(name: string, mediaType: string, file: File | undefined): Promise<Fate> {
  const kind = classOf([mediaType], name);
  if (kind === "closed") return "never";
  if (file === undefined) return kind === "text" ? "here" : "later";
  const data = await beginningOf(file);
  if (isPdf(data)) return "later";
  return kind === "text" || textOf(data) !== null ? "here" : "never";
}

async function beginningOf(file: File): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(0, RULES.bytes).arrayBuffer());
}

/** Whether a file is opened, by everything that is said of it: what any of these calls a text is one. */
export function classOf(mediaTypes: readonly string[], name: string): FileClass {
  const said = mediaTypes.map((one) => one.toLowerCase());
  if (said.some(isText) || RULES.text_endings.includes(endingOf(name))) return "text";
  const isClosed = (type: string) => RULES.closed_types.some((beginning) => type.startsWith(beginning));
  return said.length > 0 && said.every(isClosed) ? "closed" : "unknown";
}

/** What is found in a file that is no PDF; `data` is its beginning, `size` how many bytes it has. */
export function scanBytes(
  data: Uint8Array,
  { kind, size, ...known }: Pick<Written, "names" | "domains"> & { kind: FileClass; size: number },
): Finding {
  const text = textOf(data.subarray(0, RULES.bytes));
  if (text === null) return meet(kind === "text" ? RULES.not_read : RULES.not_opened);
  const found = scanFileText(text, known);
  return size <= Math.min(data.length, RULES.bytes) ? found : join([found, meet(RULES.not_read)]);
}

export function isPdf(data: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(data.subarray(0, PDF_MARK_WITHIN)).includes("%PDF-");
}

/** The text that bytes are: UTF-8, or UTF-16 with its mark, without a zero character; null where they are none. */
export function textOf(data: Uint8Array): string | null {
  const text = decode(data);
  const unreadable = text.split("\ufffd").length - 1;
  if (text.includes("\0") || unreadable > [...text].length * UNREADABLE_SHARE) return null;
  return unescaped(text);
}

/** Put characters in the place of what JSON and XML write for them. */
export function unescaped(text: string): string {
  return text.replace(ESCAPES, (_, json?: string, hex?: string, decimal?: string) => {
    const number =
      json === undefined && hex === undefined ? Number(decimal) : parseInt(json ?? hex ?? "", 16);
    const isThere = number > 0 && number <= LAST_CHARACTER;
    return isThere
      ? number > 0xffff
        ? String.fromCodePoint(number)
        : String.fromCharCode(number)
      : "\ufffd";
  });
}

function isText(mediaType: string): boolean {
  return (
    RULES.text_types.some((beginning) => mediaType.startsWith(beginning)) ||
    RULES.text_suffixes.some((end) => mediaType.endsWith(end))
  );
}

function decode(data: Uint8Array): string {
  const [first, second] = data;
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(data); // Without its mark.
}
