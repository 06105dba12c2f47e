/** A person's record as a page shows it: page by page, and loaded again when something came to it. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api, asApiError, useView, type View } from "~/session";
import { forgetItems } from "./opening";
import type { RecordItem, RecordPage } from "./types";

export interface RecordAsk {
  what?: "all" | "documents" | "readings";
  visit?: string;
  rows?: number;
  every_ms?: number;
  topics?: readonly string[];
}

export interface RecordList extends View<RecordPage> {
  items: readonly RecordItem[];
  /** Loads the next page; null when there is none. */
  more: (() => void) | null;
  loadingMore: boolean;
}

/** `person` null: nothing is asked for. */
export function useRecord(person: string | null, ask: RecordAsk = {}): RecordList {
  const { what = "all", visit, rows = 20, every_ms, topics } = ask;
  const path = person === null ? null : `/v1/app/records/${person}`;
  const query = { what, rows, ...(visit === undefined ? {} : { visit }) };
  const view = useView<RecordPage>(path, {
    query,
    ...(every_ms === undefined ? {} : { every_ms }),
    ...(topics === undefined ? {} : { topics }),
  });
  const [older, setOlder] = useState<{ items: RecordItem[]; before: string | null } | null>(null);
  const [loadingMore, setLoadingMore] = useState(false);
  const key = `${path} ${JSON.stringify(query)}`;
  useEffect(() => setOlder(null), [key]);

  const items = useMemo(() => together(view.data?.items ?? [], older?.items ?? []), [view.data, older]);
  useForgotten(items, view.state === "refused");

  const before = older === null ? (view.data?.before ?? null) : older.before;
  const load = useCallback(() => {
    if (path === null || before === null) return;
    setLoadingMore(true);
    api
      .json<RecordPage>("GET", path, {
        query: { what, rows, before, ...(visit === undefined ? {} : { visit }) },
      })
      .then((page) =>
        setOlder((known) => ({ items: [...(known?.items ?? []), ...page.items], before: page.before })),
      )
      .catch((thrown: unknown) => asApiError(thrown)) // The button stays, and can be pressed again.
      .finally(() => setLoadingMore(false));
  }, [path, before, what, rows, visit]);

  return { ...view, items, more: before === null ? null : load, loadingMore };
}

/** Newest first, each once. */
export function together(fresh: readonly RecordItem[], older: readonly RecordItem[]): RecordItem[] {
  const all = new Map<string, RecordItem>();
  for (const item of [...fresh, ...older]) if (!all.has(item.object)) all.set(item.object, item);
  return [...all.values()].sort((a, b) => (a.object < b.object ? 1 : -1));
}

/** What the node no longer lists was open a moment ago: it is taken off the screen and out of memory. */
function useForgotten(items: readonly RecordItem[], refused: boolean): void {
  const before = useRef<readonly string[]>([]);
  useEffect(() => {
    const now = items.map(({ object }) => object);
    if (refused) forgetItems(before.current);
    before.current = now;
  }, [items, refused]);
}
