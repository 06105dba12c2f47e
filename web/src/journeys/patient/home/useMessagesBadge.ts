/** How many messages are unread, for the menu: the messages' own count. */

export { useUnread as useMessagesBadge } from "~/messages";
