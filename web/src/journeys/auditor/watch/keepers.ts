/** The two watches of this tab, bound to its session and to what the node tells live. Start at `keeperOf`. */

import { live, nodeClient, onSessionEnd, nodeNow } from "~/session";
import { LiveRows } from "./live_rows";
import { WatchKeeper, type Opened, type Over, type Scope, type WatchWorld } from "./keeper";
import type { Row } from "../shapes";

/** An hour is the most that the node gives; whoever looks longer says so again. */
const MINUTES = 60;

let aheadMs = 0;

const world: WatchWorld = {
  open: openWatch,
  wait: (run, ms) => window.setTimeout(run, ms),
  clear: (timer) => window.clearTimeout(timer),
  nowMs: () => Date.now() + aheadMs,
};

const keepers: Record<Scope, WatchKeeper> = {
  log: new WatchKeeper("log", world),
  administration: new WatchKeeper("administration", world),
};

/** What the watch on the log was told since it was opened. */
export const liveRows = new LiveRows();

export function keeperOf(scope: Scope): WatchKeeper {
  return keepers[scope];
}

keepers.log.onEnd(() => liveRows.clear());
onSessionEnd(() => Object.values(keepers).forEach((keeper) => keeper.end()));

live.on("audit", (message) => {
  const { state } = keepers.log;
  if (state.is !== "open" || message["watch"] !== state.watch) return;
  const ended = message["ended"];
  if (typeof ended === "string") {
    keepers.log.over(state.watch, ended as Over);
    return;
  }
  const rows = message["rows"];
  const skipped = message["skipped"];
  liveRows.take(Array.isArray(rows) ? (rows as Row[]) : [], typeof skipped === "number" ? skipped : 0);
});

async function openWatch(scope: Scope): Promise<Opened> {
  // The client is kept for the end: by then the session may be over, and a command needs none.
  const client = nodeClient();
  aheadMs = (await nodeNow()) - Date.now();
  const watch = client.ids.next();
  const body = { watch, scope, subject: null, minutes: MINUTES, live: scope === "log" };
  const receipt = await client.send({ type: "audit.watch/1", body });
  const result = receipt.results[0] as { expires_at?: unknown } | undefined;
  const until = typeof result?.expires_at === "string" ? result.expires_at : "";
  return { watch, until, end: () => client.send({ type: "audit.end/1", body: { watch } }) };
}
