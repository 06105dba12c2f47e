/** How witnesses and anchors stand, from what the node says of them, and what of it somebody has to look at. */

import type { Anchor, Health, Peer } from "../shapes";

/** A witness is asked for each block, and a block waits for entries; for so long, behind is on its way. */
const LATE_MS = 60_000;

/** Whether a peer confirmed all, is on its way, or cannot. */
export function standingOf(peer: Peer, nowMs: number): "done" | "waiting" | "failed" {
  if (peer.fault !== "") return "failed";
  const answered = Date.parse(peer.answered_at ?? "");
  const isLate = !(nowMs - answered < LATE_MS);
  return peer.behind > 0 && isLate ? "waiting" : "done";
}

/** How an anchor stands: the node dates its end whether it was confirmed or given up. */
export function anchorState(phase: string): "done" | "waiting" | "failed" {
  return phase === "final" ? "done" : phase === "failed" ? "failed" : "waiting";
}

/** What waits for somebody, and is not the node's own state. */
export type Matter = "alarms" | "dead" | "peers" | "anchors" | "quarantined";

type Looked = Pick<Health, "alarms" | "dead" | "peers" | "anchors" | "devices">;

/** What somebody has to look at, most pressing first; what is in order is left out. */
export function attentionOf(health: Looked): { matter: Matter; count: number }[] {
  const counts: Record<Matter, number> = {
    alarms: health.alarms,
    dead: health.dead,
    peers: health.peers.filter(({ fault }) => fault !== "").length,
    anchors: newestOf(health.anchors).filter(({ phase }) => phase === "failed").length,
    quarantined: health.devices.quarantined,
  };
  return (Object.keys(counts) as Matter[])
    .map((matter) => ({ matter, count: counts[matter] }))
    .filter(({ count }) => count > 0);
}

/** Of each network the newest anchor that has come to an end, and the newest that has not; by network. */
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
