/** How witnesses and anchors stand, from what the node says of them. */

import type { Anchor, Peer } from "../shapes";

/** A witness is asked for each block, and a block waits for entries; for so long, behind is on its way. */
const LATE_MS = 60_000;

/** Whether a peer confirmed all, is on its way, or cannot. */
export function standingOf(peer: Peer, nowMs: number): "done" | "waiting" | "failed" {
  if (peer.fault !== "") return "failed";
  const answered = Date.parse(peer.answered_at ?? "");
  const isLate = !(nowMs - answered < LATE_MS);
  return peer.behind > 0 && isLate ? "waiting" : "done";
}

/** Of each network the newest anchor that is done, and the newest that is not; by network. */
export function newestOf(anchors: readonly Anchor[]): Anchor[] {
  const kept = new Map<string, Anchor>();
  for (const anchor of anchors) {
    const key = `${anchor.network} ${anchor.done_at === null ? "waits" : "done"}`;
    const known = kept.get(key);
    if (known === undefined || anchor.size > known.size) kept.set(key, anchor);
  }
  // One that waits and is older than what is done has been overtaken by it.
  return [...kept.values()]
    .filter((one) => one.done_at !== null || !((kept.get(`${one.network} done`)?.size ?? -1) >= one.size))
    .sort((a, b) => a.network.localeCompare(b.network) || b.size - a.size);
}
