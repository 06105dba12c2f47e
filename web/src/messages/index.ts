/**
 * Messages between patients, care teams and caregivers, for both sides. Journeys mount `Messages` as a page's only content.
 *
 * Start at `Messages.tsx`; how a message is sealed and opened is in `letters.ts`.
 */

export { Messages, type MessagesProps } from "./lazily";
export type { MessageView, Side, ThreadView, Urgency } from "./types";
export { useThreads, useUnread, type ThreadList } from "./useUnread";
