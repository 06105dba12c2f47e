/** Steps 1 to 3 and 7: the file, its manifest, the ledger's signed state, and each entry's place in it. */

import { BUNDLE_LIMITS, readArchive } from "./archive";
import type { Bytes } from "./bytes";
import type { SignedCheckpoint } from "./checkpoint";
import { openCheckpoint } from "./checkpoint";
import { parseEntry } from "./entry";
import type { Bundle, BundleEntry } from "./files";
import { parseBundle } from "./files";
import type { Ledger, Placed } from "./ledger";
import { ledgerOf } from "./ledger";
import { formatInstant } from "./names";
import type { Pins } from "./pins";
import { Refusal, counted, refuse } from "./refusal";
import type { Proved } from "./report";
import { WINDOW_MS } from "./request";
import { leafHash, verifyInclusion } from "./tree";

export function openArchive(data: Bytes): Proved<ReadonlyMap<string, Bytes>> {
  const files = readArchive(data, BUNDLE_LIMITS);
  const sentence = `the file is one canonical archive of ${files.size} files, and none of its bytes is unaccounted for`;
  return { value: files, sentence };
}

export function openManifest(files: ReadonlyMap<string, Bytes>): Proved<Bundle> {
  const bundle = parseBundle(files);
  const { madeAt, files: listed } = bundle.manifest;
  return {
    value: bundle,
    sentence: `the manifest of ${madeAt} lists all ${listed.length} other files by SHA-256`,
  };
}

/** Both vkeys are pinned, if any are; both lines of the note verify, for the origin that the manifest names. */
export function checkCheckpoint(bundle: Bundle, pins: Pins | null): Proved<SignedCheckpoint> {
  if (pins !== null) checkPins(bundle, pins);
  const signed = openCheckpoint(bundle.checkpoint, bundle.manifest.origin, bundle.logVkeys);
  const whose = pins !== null ? "the keys you gave" : "keys taken from the bundle itself";
  return { value: signed, sentence: saySigned(signed, whose) };
}

/** What the signatures of a checkpoint prove, in one sentence. */
export function saySigned(signed: SignedCheckpoint, whose: string): string {
  const { origin, size } = signed.checkpoint;
  const time = formatInstant(Number(signed.timeSeconds) * 1000);
  return `the ledger \`${origin}\` had ${size} entries at ${time}, signed with Ed25519 and ML-DSA-44 under ${whose}`;
}

/** Each entry is well formed, stands at its position in the tree, and is not of a later time. */
export function checkInclusion(bundle: Bundle, signed: SignedCheckpoint): Proved<Ledger> {
  const placed = bundle.entries.map((entry) => placeEntry(entry, signed));
  const count = counted(placed.length, "entry", "entries");
  const sentence = `${count} found at their positions in that ledger, byte for byte`;
  return { value: ledgerOf(signed.checkpoint.origin, placed), sentence };
}

function checkPins(bundle: Bundle, pins: Pins): void {
  for (const vkey of bundle.logVkeys) {
    if (!pins.vkeys.includes(vkey)) {
      const name = vkey.split("+").slice(0, 2).join("+").slice(0, 300);
      refuse("key-not-pinned", `the ledger's key \`${name}\` is not among the keys you gave`);
    }
  }
}

/** An entry at its place in the tree, in the time before the checkpoint's. */
export function placeEntry(
  { position, data, path }: BundleEntry,
  { checkpoint, timeSeconds }: SignedCheckpoint,
): Placed {
  const { size, root } = checkpoint;
  try {
    const entry = parseEntry(data);
    const leaf = leafHash(data);
    verifyInclusion({ leaf, index: BigInt(position), size, path, root });
    if (entry.atMs > Number(timeSeconds) * 1000 + WINDOW_MS) {
      refuse("entry-from-future", "it bears a later time than the checkpoint it is under");
    }
    return { position, entry, leaf };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refuse(error.code, `position ${position}: ${error.message}`, position); // the same, saying where
  }
}
