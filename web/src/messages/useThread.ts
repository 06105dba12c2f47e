/**
 * One thread while it is looked at: its messages, opened one after another, with receipts for what arrived and was seen.
 *
 * Guarantees: nothing is said to be read that was not opened, or while the page is not in front of anybody.
 */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api, command, useMe, useView, type View } from "~/session";
import { AT_ONCE_MAX, openLetter, receive, type Opened } from "./letters";
import type { Change, MessageView, ThreadPage } from "./types";

const ROWS = 40;

export interface HeldThread {
  view: View<ThreadPage>;
  /** Oldest first, as are the changes. */
  messages: MessageView[];
  changes: Change[];
  opened: ReadonlyMap<string, Opened>;
  hasEarlier: boolean;
  loadEarlier: () => Promise<void>;
  again: () => void;
}

export function useThread(thread: string): HeldThread {
  const topics = useMemo(() => [`thread/${thread}`], [thread]);
  const view = useView<ThreadPage>(`/v1/app/threads/${thread}`, { query: { rows: ROWS }, topics });
  const [earlier, setEarlier] = useState<Earlier | null>(null);
  useEffect(() => setEarlier(null), [thread]);
  const { messages, changes } = useGathered(view.data, earlier);
  const { opened, again } = useOpened(thread, messages);
  useRead(thread, messages, opened, view.data?.thread.state === "open");
  const before = earlier === null ? (view.data?.before ?? null) : earlier.before;
  const loadEarlier = useCallback(async () => {
    if (before === null) return;
    const page = await api.json<ThreadPage>("GET", `/v1/app/threads/${thread}`, {
      query: { rows: ROWS, before },
    });
    setEarlier((now) => ({
      messages: [...(now?.messages ?? []), ...page.messages],
      changes: [...(now?.changes ?? []), ...page.changes],
      before: page.before,
    }));
  }, [thread, before]);
  return { view, messages, changes, opened, hasEarlier: before !== null, loadEarlier, again };
}

type Earlier = Pick<ThreadPage, "messages" | "changes" | "before">;

/** One list of each, oldest first. What the newest page has moved past by now is still there. */
function useGathered(page: ThreadPage | null, earlier: Earlier | null) {
  const seen = useRef({ messages: new Map<number, MessageView>(), changes: new Map<number, Change>() });
  return useMemo(() => {
    const { messages, changes } = seen.current;
    for (const part of [earlier, page]) {
      for (const one of part?.messages ?? []) messages.set(one.position, one);
      for (const one of part?.changes ?? []) changes.set(one.position, one);
    }
    return {
      messages: gathered(messages, page, page?.messages),
      changes: gathered(changes, page, page?.changes),
    };
  }, [page, earlier]);
}

/** Behind where the newest page begins, what was seen before; from there on what it says, and nothing else. */
export function gathered<T extends { position: number }>(
  seen: ReadonlyMap<number, T>,
  page: Pick<ThreadPage, "before"> | null,
  newest: readonly T[] = [],
): T[] {
  if (page === null) return [];
  const begin = page.before ?? 0;
  const older = [...seen.values()].filter(({ position }) => position < begin);
  return [...older, ...newest].sort((a, b) => a.position - b.position);
}

/** Those that can be opened: sent to me, or by me. */
function isOpenable(view: MessageView, me: string): boolean {
  if (view.sender === me) return view.state !== "recalled" && view.state !== "expired";
  return view.state === "sent" && view.recipients.some(({ actor }) => actor === me);
}

function useOpened(thread: string, messages: readonly MessageView[]) {
  const { actor } = useMe();
  const [opened, setOpened] = useState<ReadonlyMap<string, Opened>>(new Map());
  const [round, setRound] = useState(0);
  const done = useRef(new Set<string>());
  useEffect(() => {
    done.current = new Set();
    setOpened(new Map());
  }, [thread]);
  useEffect(() => {
    let isOver = false;
    const wanted = messages.filter((one) => isOpenable(one, actor) && !done.current.has(one.envelope));
    const work = async () => {
      const fresh = wanted.filter((one) => one.sender !== actor && !isDelivered(one, actor));
      for (let at = 0; at < fresh.length; at += AT_ONCE_MAX) {
        await receive(
          thread,
          fresh.slice(at, at + AT_ONCE_MAX).map(({ message }) => message),
        );
      }
      for (const one of [...wanted].reverse()) {
        if (isOver) return;
        const result = await openLetter(thread, one);
        if (!("fault" in result && result.fault === "unreachable")) done.current.add(one.envelope);
        if (!isOver) setOpened((now) => new Map(now).set(one.envelope, result));
      }
    };
    if (wanted.length > 0) work().catch(() => isOver || setOpened((now) => unreachable(now, wanted)));
    return () => {
      isOver = true;
    };
  }, [thread, messages, actor, round]);
  const again = useCallback(() => setRound((now) => now + 1), []);
  return { opened, again };
}

function unreachable(
  now: ReadonlyMap<string, Opened>,
  wanted: readonly MessageView[],
): ReadonlyMap<string, Opened> {
  const next = new Map(now);
  for (const { envelope } of wanted) if (!next.has(envelope)) next.set(envelope, { fault: "unreachable" });
  return next;
}

function isDelivered(view: MessageView, me: string): boolean {
  const mine = view.receipts.find(({ actor }) => actor === me);
  return mine?.delivered_at != null && mine.version >= view.version;
}

/** Say "read" for what was opened here and is in front of somebody. */
function useRead(
  thread: string,
  messages: readonly MessageView[],
  opened: ReadonlyMap<string, Opened>,
  isOpen: boolean,
) {
  const { actor } = useMe();
  const said = useRef(new Set<string>());
  const isSeen = useVisible();
  useEffect(() => {
    if (!isSeen || !isOpen) return;
    const unread = messages.filter((one) => {
      const mine = one.receipts.find((receipt) => receipt.actor === actor);
      const result = opened.get(one.envelope);
      const isNew = one.sender !== actor && one.state === "sent" && mine?.read_at == null;
      return isNew && result !== undefined && "content" in result && !said.current.has(one.message);
    });
    const ids = unread.slice(0, AT_ONCE_MAX).map(({ message }) => message);
    if (ids.length === 0) return;
    for (const id of ids) said.current.add(id);
    command("message.read/1", { thread, messages: ids }).catch(() => {
      for (const id of ids) said.current.delete(id); // Said again with the next change.
    });
  }, [thread, messages, opened, actor, isSeen, isOpen]);
}

function useVisible(): boolean {
  const [isSeen, setSeen] = useState(() => document.visibilityState === "visible");
  useEffect(() => {
    const look = () => setSeen(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return isSeen;
}
