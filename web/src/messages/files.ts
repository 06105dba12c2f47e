/**
 * The files of what is being written, as long as this page has them: what the monitor will find in them, which of them
 * it reads only after they are sent, and which it does not open.
 */

import { fateOf, scanFile, type Fate } from "~/monitor/files";
import type { Finding, Written } from "~/monitor/scanner";
import { onSessionEnd } from "~/session";
import type { Attached } from "./types";

/** Of each sealed object, the file that it was made of; in memory only. */
const sources = new Map<string, File>();
onSessionEnd(() => sources.clear());

/** Remember what an object was made of until it is sent or left out. */
export function keepSource({ object }: Attached, file: File): void {
  sources.set(object, file);
}

export function dropSources(files: readonly Attached[]): void {
  for (const { object } of files) sources.delete(object);
}

/** What the monitor's rules say of those files that are texts; of the others they say nothing here. */
export async function scanSources(
  files: readonly Attached[],
  known: Pick<Written, "names" | "domains">,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { object } of files) {
    const source = sources.get(object);
    const finding = source === undefined ? null : await scanFile(source, known);
    if (finding !== null) found.push(finding);
  }
  return found;
}

/** What the monitor will do with each of these files, in their order. */
export function fatesOf(files: readonly Attached[]): Promise<Fate[]> {
  return Promise.all(
    files.map(({ object, name, media_type }) => fateOf(name, media_type, sources.get(object))),
  );
}
