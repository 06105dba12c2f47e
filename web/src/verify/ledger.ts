/** What has been proved about the ledger so far: entries at their positions under one checkpoint. */

import type { Bytes } from "./bytes";
import type { Entry } from "./entry";
import type { VerifyKey } from "./keypair";
import { parseStream } from "./names";

/** An entry that is proved to stand at this position. */
export interface Placed {
  readonly position: number;
  readonly entry: Entry;
  readonly leaf: Bytes;
}

export interface Ledger {
  readonly origin: string;
  /** By rising position. */
  readonly entries: readonly Placed[];
  readonly streams: ReadonlyMap<string, readonly Placed[]>;
}

/** The root or the node, as genesis names it. */
export interface Founder {
  readonly id: string;
  readonly key: VerifyKey;
}

/** The first entry: who owns this ledger and signs for it. */
export interface Genesis {
  readonly root: Founder;
  readonly node: Founder;
  /** Digest of the root's request, which no other entry may use. */
  readonly request: string;
}

export function ledgerOf(origin: string, entries: readonly Placed[]): Ledger {
  const streams = new Map<string, Placed[]>();
  for (const placed of entries) {
    const { stream } = placed.entry;
    const others = streams.get(stream);
    if (others === undefined) streams.set(stream, [placed]);
    else others.push(placed);
  }
  return { origin, entries, streams };
}

/** The actor whose keys a stream is about; empty when it is about none. */
export function actorOf(stream: string): string {
  const [kind, id] = parseStream(stream);
  return kind === "actor" ? id : "";
}
