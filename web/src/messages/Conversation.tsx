/** One conversation: who is in it and who reads along, what was written, and the place to write. */

import { Button, Menu, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Await, Confirm, Empty, Icon, saveBlob, useNow, WhyLine } from "~/components";
import { go } from "~/router";
import { asApiError, command, useMe } from "~/session";
import { timeText, useLanguage } from "~/strings";
import { useBlocks } from "~/ledger/blocks";
import { Bubble } from "./Bubble";
import { ChangeLine } from "./ChangeLine";
import { Composer, type Writing } from "./Composer";
import { exportThread } from "./letters";
import { useTitle } from "./Messages";
import styles from "./messages.module.css";
import { PeopleDialog } from "./PeopleDialog";
import { listed, nameIn } from "./people";
import { useMessageStrings } from "./strings";
import type { Change, MessageView, Side, ThreadPage, ThreadView } from "./types";
import { useThread, type HeldThread } from "./useThread";

export function Conversation({ thread, base, role }: { thread: string; base: string; role: Side }) {
  const held = useThread(thread);
  const words = useMessageStrings();
  if (held.view.revoked)
    return (
      <div role="alert">
        <Empty
          icon="lock"
          title={words.outNow}
          action={<p className={styles.quiet}>{words.outNowDetail}</p>}
        />
      </div>
    );
  return (
    <Await view={held.view} shape="list">
      {(page) => <Inside page={page} held={held} base={base} role={role} />}
    </Await>
  );
}

function Inside({
  page,
  held,
  base,
  role,
}: {
  page: ThreadPage;
  held: HeldThread;
  base: string;
  role: Side;
}) {
  const words = useMessageStrings();
  const [writing, setWriting] = useState<Writing>({ kind: "new" });
  const { thread } = page;
  const { state, monitor } = thread;
  return (
    <div className={styles.conversation}>
      <Head thread={thread} base={base} role={role} />
      <Written page={page} held={held} role={role} onWriting={setWriting} />
      {state === "archived" ? (
        <p className={styles.notice}>
          <Icon name="archive" size={18} /> {words.archivedNow}
        </p>
      ) : monitor === null ? (
        <p className={styles.notice} data-tone="wait">
          <Icon name="info" size={18} /> {words.noMonitor}
        </p>
      ) : (
        <Composer thread={thread} held={held} role={role} writing={writing} onWriting={setWriting} />
      )}
    </div>
  );
}

function Head({ thread, base, role }: { thread: ThreadView; base: string; role: Side }) {
  const words = useMessageStrings();
  const { language } = useLanguage();
  const { actor } = useMe();
  const title = useTitle(thread);
  const others = thread.members.filter((one) => one.actor !== actor).map(({ name }) => name ?? words.nobody);
  const names = [words.youToo, ...others, words.theMonitor];
  return (
    <header className={styles.head}>
      <div>
        <h2>{title}</h2>
        <WhyLine>
          {words.canOpen(listed(names, language))}{" "}
          {thread.monitor !== null && words.readsAlong[thread.monitor.mode](words.monitor)}
          {thread.held && ` ${words.legalHold}`}
          {!thread.held && thread.retention_days !== null && ` ${words.retention(thread.retention_days)}`}
        </WhyLine>
      </div>
      <ThreadMenu thread={thread} base={base} role={role} />
    </header>
  );
}

type Asked = "people" | "leave" | null;

function ThreadMenu({ thread, base, role }: { thread: ThreadView; base: string; role: Side }) {
  const words = useMessageStrings();
  const [asked, setAsked] = useState<Asked>(null);
  const [note, setNote] = useState("");
  const act = async (work: () => Promise<unknown>, busy = "") => {
    setNote(busy);
    try {
      await work();
      setNote("");
    } catch (error) {
      setNote(asApiError(error).message);
    }
  };
  const body = { thread: thread.thread };
  const download = async () => saveBlob(await exportThread(thread.thread), "messages.zip");
  const isOpen = thread.state === "open";
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" aria-label={words.menu} px="sm">
            <Icon name="more" />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="people" size={18} />} onClick={() => setAsked("people")}>
            {words.people}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="download" size={18} />}
            onClick={() => void act(download, words.exporting)}
          >
            {words.export}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name={isOpen ? "archive" : "replay"} size={18} />}
            onClick={() =>
              void act(async () => command(isOpen ? "thread.archive/1" : "thread.restore/1", body))
            }
          >
            {isOpen ? words.archive : words.restore}
          </Menu.Item>
          <Menu.Item
            color="red"
            leftSection={<Icon name="leave" size={18} />}
            onClick={() => setAsked("leave")}
          >
            {words.leave}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Text role="status" size="sm" c="var(--t-quiet)" className={styles.menuNote ?? ""}>
        {note}
      </Text>
      <PeopleDialog thread={thread} role={role} opened={asked === "people"} onClose={() => setAsked(null)} />
      <Confirm
        opened={asked === "leave"}
        title={words.leave}
        confirm={words.leave}
        danger
        onConfirm={async () => {
          await command("thread.leave/1", body);
          go(base, { replace: true });
        }}
        onClose={() => setAsked(null)}
      >
        {words.leaveText}
      </Confirm>
    </>
  );
}

function Written({
  page,
  held,
  role,
  onWriting,
}: {
  page: ThreadPage;
  held: HeldThread;
  role: Side;
  onWriting: (writing: Writing) => void;
}) {
  const words = useMessageStrings();
  const { messages, changes, opened, hasEarlier, loadEarlier, again } = held;
  const blocks = useBlocks({ newest: messages.at(-1)?.position });
  const log = useLastInSight(messages, opened.size);
  const nameOf = (actor: string) => nameIn(page.thread.members, actor, words.nobody);
  return (
    <div ref={log} className={styles.log} role="log" tabIndex={0} aria-label={words.title}>
      {hasEarlier && (
        <Button variant="subtle" onClick={() => void loadEarlier()} leftSection={<Icon name="up" />}>
          {words.earlier}
        </Button>
      )}
      {messages.length === 0 && <Empty icon="chat" title={words.emptyThread} />}
      <ol className={styles.bubbles}>
        {byDay(inOrder(messages, changes)).map(({ day, at, list }) => (
          <li key={day}>
            <Day at={at} />
            <ol className={styles.bubbles}>
              {list.map(({ view, change }) =>
                change !== undefined ? (
                  <ChangeLine key={change.position} change={change} members={page.thread.members} />
                ) : (
                  <Bubble
                    key={view.message}
                    {...{ view, role, nameOf, messages, blocks }}
                    thread={page.thread}
                    opened={opened}
                    onAgain={again}
                    onReply={() => onWriting({ kind: "reply", to: view })}
                    onEdit={(content) => onWriting({ kind: "edit", of: view, content })}
                  />
                ),
              )}
            </ol>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Day({ at }: { at: string }) {
  const words = useMessageStrings();
  const { language } = useLanguage();
  const nowMs = useNow(60_000);
  const day = dayOf(Date.parse(at));
  const shown =
    day === dayOf(nowMs) ? words.today : day === dayOf(nowMs - 86_400_000) ? words.yesterday : null;
  return (
    <h3 className={styles.day}>
      {shown ?? <time dateTime={at}>{timeText(Date.parse(at), "date", { nowMs, language })}</time>}
    </h3>
  );
}

/** A line of the conversation: a message, or that somebody came or went. */
type Line = { view: MessageView; change?: undefined } | { view?: undefined; change: Change };

function inOrder(messages: readonly MessageView[], changes: readonly Change[]): Line[] {
  const lines: Line[] = [...messages.map((view) => ({ view })), ...changes.map((change) => ({ change }))];
  return lines.sort((a, b) => (a.view ?? a.change).position - (b.view ?? b.change).position);
}

function byDay(lines: readonly Line[]): { day: string; at: string; list: Line[] }[] {
  const days: { day: string; at: string; list: Line[] }[] = [];
  for (const line of lines) {
    const { at } = line.view ?? line.change;
    const day = dayOf(Date.parse(at));
    const last = days.at(-1);
    if (last?.day === day) last.list.push(line);
    else days.push({ day, at, list: [line] });
  }
  return days;
}

function dayOf(ms: number): string {
  const at = new Date(ms);
  return `${at.getFullYear()}-${at.getMonth()}-${at.getDate()}`;
}

/** Keep the end in sight when something comes, unless the reader has gone up to read. */
function useLastInSight(messages: readonly MessageView[], openedCount: number) {
  const log = useRef<HTMLDivElement>(null);
  const isBegun = useRef(false);
  useEffect(() => {
    const box = log.current;
    if (box === null) return;
    const isNear = box.scrollHeight - box.scrollTop - box.clientHeight < 200;
    if (isNear || !isBegun.current) box.scrollTop = box.scrollHeight;
    isBegun.current = openedCount > 0;
  }, [messages, openedCount]);
  return log;
}
