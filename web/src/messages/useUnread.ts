/** How many messages wait to be read, for badges. */

import { useView } from "~/session";
import type { ThreadView } from "./types";

const TOPICS = ["thread/*"];

export interface ThreadList {
  threads: ThreadView[];
  after: number | null;
}

/** The threads of this person, the last used first. */
export function useThreads(archived = false) {
  return useView<ThreadList>("/v1/app/threads", { query: { archived }, topics: TOPICS });
}

/** Unread messages of all open threads. */
export function useUnread(): number {
  return useThreads().data?.threads.reduce((sum, { unread }) => sum + unread, 0) ?? 0;
}
