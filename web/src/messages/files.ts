/**
 * The files of what is being written, as long as this page has them: what the monitor will find in them, and which of
 * them it does not open.
 */

import { classOf, scanFile } from "~/monitor/files";
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

/** Whether the monitor leaves a file closed, by its kind. */
export function isUnseen({ media_type, name }: Attached): boolean {
  return classOf([media_type], name) === "closed";
}
