/**
 * Who saw my record: the log about oneself, under a watch that is opened once for a session and noted on the ledger.
 *
 * Guarantees: one's own looks and reads are left out unless asked for; a watch that ended is opened anew, once for all who
 * wait; what somebody else does while the page is open comes in by itself.
 */

import { useCallback, useEffect, useRef, useState } from "react";
import { api, asApiError, command, live, nodeClient, useMe, type ApiError, type View } from "~/session";
import type { Seen, SeenPage } from "../shapes";

const MINUTES = 60;
const SPARE_MS = 60_000;
const ROWS = 50;
/** Pages asked for one look: a day of one's own reads stands before the first of somebody else. */
const PAGES_MAX = 6;
const GATHER_MS = 5000;

interface Kept {
  watch: string;
  untilMs: number;
}

let opening: Promise<string> | null = null;

/** The watch of this session on one's own log. A reload of the page goes on with it. */
export function ownWatch(me: string, session: string): Promise<string> {
  const kept = keptWatch(session);
  if (kept !== null && kept.untilMs - SPARE_MS > Date.now()) return Promise.resolve(kept.watch);
  opening ??= openWatch(me, session).finally(() => (opening = null));
  return opening;
}

async function openWatch(me: string, session: string): Promise<string> {
  const watch = nodeClient().ids.next();
  await command("audit.watch/1", { watch, scope: "log", subject: me, minutes: MINUTES, live: true });
  const kept: Kept = { watch, untilMs: Date.now() + MINUTES * 60_000 };
  sessionStorage.setItem(keyOf(session), JSON.stringify(kept));
  return watch;
}

function keptWatch(session: string): Kept | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(session)) ?? "null") as Partial<Kept> | null;
    return typeof kept?.watch === "string" && typeof kept.untilMs === "number" ? (kept as Kept) : null;
  } catch {
    return null;
  }
}

function keyOf(session: string): string {
  return `telesphor-own-watch-${session}`;
}

const OVER = new Set(["watch-missing", "watch-ended", "watch-spent"]);

/** Ask under the watch; once more with a fresh one where it is over. */
export async function underWatch<T>(
  me: string,
  session: string,
  ask: (watch: string) => Promise<T>,
): Promise<T> {
  try {
    return await ask(await ownWatch(me, session));
  } catch (thrown) {
    if (!OVER.has(asApiError(thrown).code)) throw thrown;
    sessionStorage.removeItem(keyOf(session));
    return ask(await ownWatch(me, session));
  }
}

export interface SeenList extends View<readonly Seen[]> {
  more: (() => void) | null;
  loadingMore: boolean;
}

interface Held {
  rows: readonly Seen[] | null;
  before: number | null;
  error: ApiError | null;
  busy: boolean;
  at: number | null;
}

/** At least `count` lines where there are so many. */
export function useSeen({ count, own = false }: { count: number; own?: boolean }): SeenList {
  const { actor: me, session } = useMe();
  const [held, setHeld] = useState<Held>({ rows: null, before: null, error: null, busy: false, at: null });
  const asked = useRef(0);
  const load = useCallback(
    async (after: { rows: readonly Seen[]; before: number } | null) => {
      const mine = ++asked.current;
      setHeld((now) => ({ ...now, busy: after !== null, error: null }));
      try {
        const keep = (row: Seen) => own || row.who.id !== me;
        const found = await collect({ me, session, keep, wanted: count, from: after?.before ?? null });
        if (mine !== asked.current) return;
        const rows = [...(after?.rows ?? []), ...found.rows];
        setHeld({ rows, before: found.before, error: null, busy: false, at: Date.now() });
      } catch (thrown) {
        if (mine === asked.current) setHeld((now) => ({ ...now, busy: false, error: asApiError(thrown) }));
      }
    },
    [me, session, count, own],
  );
  useEffect(() => {
    setHeld({ rows: null, before: null, error: null, busy: false, at: null });
    void load(null);
    return () => void (asked.current += 1);
  }, [load]);
  useLiveLog(me, () => void load(null));
  const { rows, before, error } = held;
  return {
    data: rows,
    error,
    state: stateOf(rows, error),
    reload: () => void load(null),
    at: held.at,
    revoked: false,
    more: before === null || rows === null ? null : () => void load({ rows, before }),
    loadingMore: held.busy,
  };
}

function stateOf(rows: readonly Seen[] | null, error: ApiError | null): View<unknown>["state"] {
  if (error === null) return rows === null ? "loading" : "ready";
  if (error.code === "offline") return "offline";
  return error.status === 403 ? "refused" : "error";
}

interface Collecting {
  me: string;
  session: string;
  keep: (row: Seen) => boolean;
  wanted: number;
  from: number | null;
}

async function collect({
  me,
  session,
  keep,
  wanted,
  from,
}: Collecting): Promise<{ rows: Seen[]; before: number | null }> {
  const rows: Seen[] = [];
  let before = from;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { rows: ROWS, ...(before === null ? {} : { before }) };
    const got = await underWatch(me, session, (watch) =>
      api.json<SeenPage>("GET", "/v1/app/my/log", { query: { ...query, watch } }),
    );
    rows.push(...got.rows.filter(keep));
    before = got.before;
    if (before === null || rows.length >= wanted) break;
  }
  return { rows, before };
}

/** Somebody else did something about me: told by the hub while the watch lives. */
function useLiveLog(me: string, reload: () => void): void {
  const latest = useRef(reload);
  useEffect(() => {
    latest.current = reload;
  });
  useEffect(() => {
    let timer = 0;
    const off = live.on("audit", (message) => {
      if (timer !== 0 || !Array.isArray(message["rows"]) || !message["rows"].some((row) => isOthers(row, me)))
        return;
      timer = window.setTimeout(() => {
        timer = 0;
        latest.current();
      }, GATHER_MS);
    });
    return () => {
      off();
      window.clearTimeout(timer);
    };
  }, [me]);
}

/** What one does oneself tells nothing new, and a look that reloads would be a look for ever. */
function isOthers(row: unknown, me: string): boolean {
  const actor = (row as { actor?: { id?: unknown } } | null)?.actor?.id;
  return typeof actor === "string" && actor !== me;
}
