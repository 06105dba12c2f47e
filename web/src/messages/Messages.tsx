/** Conversations on the left, the chosen one on the right; on a phone one of the two. Start here. */

import { Button, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { Await, Empty, Icon, Page, TimeText } from "~/components";
import { go, Link } from "~/router";
import { useMe } from "~/session";
import { useLanguage } from "~/strings";
import { Conversation } from "./Conversation";
import type { MessagesProps } from "./lazily";
import { NewThread } from "./NewThread";
import { listed } from "./people";
import styles from "./messages.module.css";
import { useMessageStrings } from "./strings";
import type { Side, ThreadView } from "./types";
import { useThreads } from "./useUnread";

export default function Messages({ base, path, role, to }: MessagesProps) {
  const words = useMessageStrings();
  const [chosen] = path;
  return (
    <Page
      title={words.title}
      actions={
        chosen !== "new" && (
          <Button
            leftSection={<Icon name="plus" />}
            onClick={() => go(`${base}/new`)}
            className={styles.start ?? ""}
            data-inside={chosen !== undefined || undefined}
          >
            {words.start}
          </Button>
        )
      }
    >
      <div className={styles.split} data-chosen={chosen !== undefined || undefined}>
        <Threads base={base} role={role} chosen={chosen} />
        <section className={styles.right} aria-label={words.menu}>
          {chosen !== undefined && (
            <Link to={base} className={styles.back ?? ""}>
              <Icon name="back" /> {words.back}
            </Link>
          )}
          {chosen === undefined && (
            <div className={styles.none}>
              <Empty icon="chat" title={words.choose} />
            </div>
          )}
          {chosen === "new" && <NewThread base={base} role={role} to={to} />}
          {chosen !== undefined && chosen !== "new" && (
            <Conversation key={chosen} thread={chosen} base={base} role={role} />
          )}
        </section>
      </div>
    </Page>
  );
}

function Threads({ base, role, chosen }: { base: string; role: Side; chosen: string | undefined }) {
  const words = useMessageStrings();
  const [which, setWhich] = useState("open");
  const view = useThreads(which === "archived");
  const empty =
    which === "archived" ? words.emptyArchived : role === "patient" ? words.empty : words.emptyClinician;
  return (
    <section className={styles.left} aria-label={words.list}>
      <SegmentedControl
        fullWidth
        aria-label={words.show}
        value={which}
        onChange={setWhich}
        data={[
          { value: "open", label: words.open },
          { value: "archived", label: words.archived },
        ]}
      />
      <Await
        view={view}
        empty={<Empty icon={which === "archived" ? "archive" : "chat"} title={empty} />}
        isEmpty={({ threads }) => threads.length === 0}
      >
        {({ threads }) => (
          <ul className={styles.threads}>
            {threads.map((thread) => (
              <li key={thread.thread}>
                <Row thread={thread} base={base} isChosen={thread.thread === chosen} />
              </li>
            ))}
          </ul>
        )}
      </Await>
    </section>
  );
}

function Row({ thread, base, isChosen }: { thread: ThreadView; base: string; isChosen: boolean }) {
  const words = useMessageStrings();
  const title = useTitle(thread);
  const isUrgent = thread.urgency === "urgent" || thread.urgency === "critical";
  const isAboutOther =
    thread.subject_name !== null && !thread.members.some(({ actor }) => actor === thread.subject);
  return (
    <a
      className={styles.thread}
      href={`#${base}/${thread.thread}`}
      aria-current={isChosen ? "true" : undefined}
      data-unread={thread.unread > 0 || undefined}
    >
      <span className={styles.initials} aria-hidden>
        {initialsOf(title)}
      </span>
      <span className={styles.threadWords}>
        <strong>{title}</strong>
        <span className={styles.quiet}>
          {isAboutOther && thread.subject_name !== null && `${words.about(thread.subject_name)} · `}
          <TimeText at={thread.last_at} style="ago" />
        </span>
        {isUrgent && <UrgencyMark urgency={thread.urgency} />}
      </span>
      {thread.unread > 0 && (
        <span className={styles.count}>
          <span aria-hidden>{thread.unread > 99 ? "99+" : thread.unread}</span>
          <span className="t-hidden">{words.unread(thread.unread)}</span>
        </span>
      )}
    </a>
  );
}

export function UrgencyMark({ urgency }: { urgency: string }) {
  const words: Record<string, string> = useMessageStrings().urgencies;
  if (urgency === "routine" || urgency === "") return null;
  return (
    <span className={styles.urgency} data-urgency={urgency}>
      <Icon name={urgency === "critical" ? "alarm" : "bell"} size={16} />
      {words[urgency] ?? urgency}
    </span>
  );
}

/** The others of a conversation, by name. */
export function useTitle(thread: ThreadView): string {
  const words = useMessageStrings();
  const { language } = useLanguage();
  const { actor } = useMe();
  const others = thread.members.filter((one) => one.actor !== actor);
  return others.length === 0
    ? words.you
    : listed(
        others.map(({ name }) => name ?? words.nobody),
        language,
      );
}

export function initialsOf(name: string): string {
  const letters = name
    .replace(/^(dr|prof|mr|ms|mrs)\.?\s+/i, "")
    .split(/\s+/)
    .map((word) => word[0] ?? "");
  return letters.slice(0, 2).join("").toUpperCase();
}
