/**
 * Opening pieces of a record: each is asked of the node, decided and noted there, and decrypted in this browser.
 *
 * Guarantees: a piece is asked for once however many places show it; what was opened is forgotten when the session ends,
 * and when the node no longer lists it; at most a few are on their way at a time. Start at `openItem`.
 */

import { useCallback, useSyncExternalStore } from "react";
import { asApiError, nodeClient, onSessionEnd } from "~/session";
import type { Fhir } from "./fhir";
import { isFhirType, shownAs } from "./naming";
import type { Purpose, RecordItem } from "./types";

export type Content =
  | { kind: "fhir"; resource: Fhir; blob: Blob }
  | { kind: "image" | "audio" | "video"; url: string; blob: Blob }
  | { kind: "text"; text: string; blob: Blob }
  | { kind: "file"; blob: Blob };

export type Opened =
  | { state: "closed" }
  | { state: "opening" }
  | { state: "open"; content: Content }
  | { state: "refused" | "failed" | "offline"; code: string };

export interface OpenAsk {
  purpose: Purpose;
  /** Read within this visit: its participants may. */
  visit?: string | undefined;
}

/** A record entry has kilobytes, a photo megabytes; larger files are saved, not shown. */
const SHOWN_BYTES_MAX = 32 * 1024 * 1024;
const AT_ONCE = 4;

const CLOSED: Opened = { state: "closed" };
const known = new Map<string, Opened>();
const listeners = new Set<() => void>();
const waiting: (() => void)[] = [];
let running = 0;

onSessionEnd(forgetAll);

/** What is open of a piece now, and how to open it. */
export function useOpened(item: RecordItem, ask: OpenAsk): [Opened, () => void] {
  const opened = useSyncExternalStore(subscribe, () => openedNow(item.object));
  const { purpose, visit } = ask;
  const open = useCallback(
    () => void openItem(item, { purpose, visit }).catch(() => undefined),
    [item, purpose, visit],
  );
  return [opened, open];
}

/** Changes whenever anything was opened or forgotten: for lists that look at many pieces. */
export function useOpenings(): ReadonlyMap<string, Opened> {
  return useSyncExternalStore(subscribe, () => snapshot);
}

let snapshot: ReadonlyMap<string, Opened> = new Map();

export function openedNow(object: string): Opened {
  return known.get(object) ?? CLOSED;
}

/** Open a piece; throws what the node or the keys refuse, which is kept to be shown as well. */
export async function openItem(item: RecordItem, ask: OpenAsk): Promise<Content> {
  const before = openedNow(item.object);
  if (before.state === "open") return before.content;
  if (before.state === "opening") return whenDone(item.object);
  const mine: Opened = { state: "opening" };
  set(item.object, mine);
  await turn();
  try {
    const content = await fetchContent(item, ask);
    if (openedNow(item.object) !== mine) throw letGo(content);
    set(item.object, { state: "open", content });
    return content;
  } catch (thrown) {
    const { code, status } = asApiError(thrown);
    if (openedNow(item.object) === mine) set(item.object, refusalOf(code, status));
    throw thrown;
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

/** What was forgotten while it was on its way is not kept: the session is over, or the right to see it. */
function letGo(content: Content): Error {
  if ("url" in content) URL.revokeObjectURL(content.url);
  return new Error("it was forgotten meanwhile");
}

/** Take off the screen whatever the node no longer lists. */
export function forgetItems(objects: Iterable<string>): void {
  for (const object of objects) drop(object);
  tell();
}

function forgetAll(): void {
  for (const object of [...known.keys()]) drop(object);
  tell();
}

async function fetchContent(item: RecordItem, { purpose, visit }: OpenAsk): Promise<Content> {
  const { ObjectReader } = await import("~/kernel");
  const within = visit === undefined ? {} : { visit };
  const reader = await ObjectReader.open(nodeClient(), item.object, { purpose, ...within });
  return contentOf(item.media_type, await reader.blob(SHOWN_BYTES_MAX));
}

/** What `blob` is to the page. What claims to be JSON and is not is a file like any other. */
export async function contentOf(mediaType: string, blob: Blob): Promise<Content> {
  if (isFhirType(mediaType)) {
    const resource = parsed(await blob.text());
    return resource === null ? { kind: "file", blob } : { kind: "fhir", resource, blob };
  }
  const kind = shownAs(mediaType);
  if (kind === "text") return { kind, text: await blob.text(), blob };
  if (kind === "image" || kind === "audio" || kind === "video")
    return { kind, url: URL.createObjectURL(blob), blob };
  return { kind: "file", blob };
}

function parsed(text: string): Fhir | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fhir) : null;
  } catch {
    return null;
  }
}

function refusalOf(code: string, status: number): Opened {
  if (code === "offline") return { state: "offline", code };
  const refused = status === 403 || status === 404 || status === 410 || code === "not-a-recipient";
  return { state: refused ? "refused" : "failed", code };
}

function whenDone(object: string): Promise<Content> {
  return new Promise((resolve, reject) => {
    const off = subscribe(() => {
      const now = openedNow(object);
      if (now.state === "opening") return;
      off();
      if (now.state === "open") resolve(now.content);
      else reject(new Error("it could not be opened"));
    });
  });
}

async function turn(): Promise<void> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running += 1;
}

function set(object: string, opened: Opened): void {
  known.set(object, opened);
  tell();
}

function drop(object: string): void {
  const opened = known.get(object);
  if (opened?.state === "open") letGo(opened.content);
  known.delete(object);
}

function tell(): void {
  snapshot = new Map(known);
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
