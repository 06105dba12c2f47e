/** A page's part in a watch: hold it while the page is shown, and ask views under it. */

import { useEffect, useSyncExternalStore } from "react";
import { asApiError, useView, type View } from "~/session";
import type { Over, Scope, WatchState } from "./keeper";
import { keeperOf, liveRows } from "./keepers";
import type { LiveView } from "./live_rows";

export function useWatch(scope: Scope): WatchState {
  const keeper = keeperOf(scope);
  useEffect(() => keeper.hold(), [keeper]);
  return useSyncExternalStore(
    (listener) => keeper.onChange(listener),
    () => keeper.state,
  );
}

export function useLiveRows(): LiveView {
  return useSyncExternalStore(
    (listener) => liveRows.onChange(listener),
    () => liveRows.view,
  );
}

interface Options {
  query?: Record<string, string | number | boolean | null | undefined>;
  every_ms?: number;
}

/** A view that is asked for under the open watch of `scope`; null asks for nothing. */
export function useWatched<T>(scope: Scope, path: string | null, options: Options = {}): View<T> {
  const state = useSyncExternalStore(
    (listener) => keeperOf(scope).onChange(listener),
    () => keeperOf(scope).state,
  );
  const watch = state.is === "open" ? state.watch : null;
  const view = useView<T>(watch === null ? null : path, {
    ...options,
    query: { ...options.query, watch },
  });
  const { error } = view;
  useEffect(() => {
    if (watch !== null && error !== null) noteRefusal(scope, watch, error);
  }, [scope, watch, error]);
  return view;
}

const OVER: Record<string, Over> = {
  "watch-ended": "expired",
  "watch-missing": "expired",
  "access-ended": "access-ended",
  "watch-spent": "spent",
};

/** A refusal that means that the watch is over ends it here too, so that every page says so. */
export function noteRefusal(scope: Scope, watch: string, thrown: unknown): void {
  const why = OVER[asApiError(thrown).code];
  if (why !== undefined) keeperOf(scope).over(watch, why);
}

/** The id of the open watch; throws outside pages that `Watched` shows. */
export function watchNow(scope: Scope): string {
  const { state } = keeperOf(scope);
  if (state.is !== "open") throw new Error("no watch is open");
  return state.watch;
}
