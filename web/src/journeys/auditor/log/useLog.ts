/** The log as its page shows it: what a search found, and before it what came in since. */

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { api, live, nodeNow } from "~/session";
import type { LogPageAnswer, Row } from "../shapes";
import { keeperOf, liveRows } from "../watch/keepers";
import { noteRefusal, useLiveRows, watchNow } from "../watch/useWatch";
import { isPast, matches, queryOf, type LogFilter } from "./filter";
import { LogSearch, type SearchState } from "./search";

const search = new LogSearch();
keeperOf("log").onEnd(() => search.clear());

export interface Log extends SearchState {
  /** Newest first; one's own looks are not among them where they are left out. */
  shown: readonly Row[];
  /** How many were left out because they are one's own looks. */
  ownLooks: number;
  /** Came in while paused. */
  held: number;
  paused: boolean;
  skipped: number;
  /** Whether something can still come in for this filter. */
  isLive: boolean;
  reload: () => void;
  loadMore: () => void;
}

export function useLog(filter: LogFilter, { withOwnLooks }: { withOwnLooks: boolean }): Log {
  const key = JSON.stringify(filter);
  const state = useSyncExternalStore(
    (listener) => search.onChange(listener),
    () => search.state,
  );
  const told = useLiveRows();
  useEffect(() => begin(filter, key), [key]); // eslint-disable-line react-hooks/exhaustive-deps -- `key` is its content
  const isOffline = state.error?.code === "offline" && state.key === key;
  useEffect(() => {
    if (!isOffline) return;
    const again = () => begin(filter, key);
    addEventListener("online", again);
    const off = live.onState((open) => open && again());
    return () => {
      removeEventListener("online", again);
      off();
    };
  }, [isOffline, key]); // eslint-disable-line react-hooks/exhaustive-deps -- `key` is the filter's content
  const { rows: found } = state;
  const current = state.key === key;
  return useMemo(() => {
    const rows = current ? joined(told.rows, found, filter) : [];
    const own = rows.filter(isOwnLook);
    return {
      ...state,
      phase: current ? state.phase : "loading",
      shown: withOwnLooks ? rows : rows.filter((row) => !isOwnLook(row)),
      ownLooks: own.length,
      held: told.held.filter((row) => matches(filter, row) && (withOwnLooks || !isOwnLook(row))).length,
      paused: told.paused,
      skipped: told.skipped,
      isLive: !isPast(filter, Date.now()),
      reload: () => {
        search.clear();
        begin(filter, key);
      },
      loadMore: () => search.loadMore(),
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `key` stands for the filter's content
  }, [state, told, key, withOwnLooks, current, found]);
}

function begin(filter: LogFilter, key: string): void {
  if (search.state.key === key && search.state.phase !== "error") return;
  // What comes in from now on stands before what the search finds, and once.
  liveRows.restart();
  void nodeNow().then((nowMs) => search.begin(key, queryOf(filter, nowMs), askPage));
}

async function askPage(query: Record<string, string | null>): Promise<LogPageAnswer> {
  const watch = watchNow("log");
  try {
    return await api.json<LogPageAnswer>("GET", "/v1/app/audit/search", { query: { ...query, watch } });
  } catch (error) {
    noteRefusal("log", watch, error);
    throw error;
  }
}

/** A look under the watch by which this page is shown. */
function isOwnLook(row: Row): boolean {
  const { state } = keeperOf("log");
  return state.is === "open" && row.stream === `watch/${state.watch}`;
}

function joined(told: readonly Row[], found: readonly Row[], filter: LogFilter): Row[] {
  const known = new Set(found.map((row) => row.position));
  return [...told.filter((row) => !known.has(row.position) && matches(filter, row)), ...found];
}
