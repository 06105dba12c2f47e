/** One message: what was written, its files, its state in words, and what one can do with it. */

import { Button, Menu, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, Seal, TimeText, type ProofFacts } from "~/components";
import { confirmedBy, type Blocks } from "~/ledger/blocks";
import { saveEntryProof } from "~/record";
import { command, useMe } from "~/session";
import { useLanguage, useStrings } from "~/strings";
import { FileButton } from "./FileButton";
import { verifyThread, type Opened } from "./letters";
import { UrgencyMark } from "./Messages";
import styles from "./messages.module.css";
import { listed } from "./people";
import { useMessageStrings, type MessageStrings } from "./strings";
import type { Content, MessageView, Side, ThreadView } from "./types";

interface Props {
  view: MessageView;
  thread: ThreadView;
  messages: readonly MessageView[];
  role: Side;
  opened: ReadonlyMap<string, Opened>;
  nameOf: (actor: string) => string;
  blocks: Blocks;
  onAgain: () => void;
  onReply: () => void;
  onEdit: (content: Content) => void;
}

export function Bubble(props: Props) {
  const { view, thread, opened, nameOf, blocks } = props;
  const words = useMessageStrings();
  const { actor } = useMe();
  const isMine = view.sender === actor;
  const result = opened.get(view.envelope);
  const content = result !== undefined && "content" in result ? result.content : null;
  const isGone = view.state === "recalled" || view.state === "expired";
  return (
    <li className={styles.bubble} data-mine={isMine || undefined} data-gone={isGone || undefined}>
      <div className={styles.meta}>
        {!isMine && <strong>{view.sender_name ?? nameOf(view.sender)}</strong>}
        <TimeText at={view.at} style="time" />
        {view.edited_at !== null && <span>{words.edited}</span>}
        <UrgencyMark urgency={view.urgency} />
        <Seal level={blocks.levelOf(view.position)} facts={factsOf(props, words, isMine)} size="s" />
      </div>
      <div className={styles.body}>
        {content?.reply_to != null && <Quote {...props} id={content.reply_to} />}
        <Words {...props} result={result} isMine={isMine} />
        {content !== null &&
          !isGone &&
          content.attachments.map((file) => <FileButton key={file.object} file={file} role={props.role} />)}
      </div>
      <div className={styles.foot}>
        {isMine && !isGone && <State view={view} nameOf={nameOf} />}
        {!isGone && thread.state === "open" && (
          <Actions {...props} isMine={isMine} content={content} nameOf={nameOf} />
        )}
      </div>
    </li>
  );
}

/** What its proof shows: the signed header, sealed to whom, and how far the ledger's block is confirmed. */
function factsOf(
  { view, thread, nameOf, blocks }: Props,
  words: MessageStrings,
  isMine: boolean,
): ProofFacts {
  const from = isMine ? words.you : (view.sender_name ?? nameOf(view.sender));
  const members = view.recipients.filter(({ role }) => role === "member").length;
  return {
    what: words.proof.what(view.version),
    who: from,
    when: view.at,
    rule: words.proof.rule(members),
    stream: `thread/${thread.thread}`,
    position: view.position,
    onDownload: () => saveEntryProof(view.position),
    onVerify: () => verifyThread(thread.thread),
    technical: { [words.proof.message]: view.message, [words.proof.envelope]: view.envelope },
    ...confirmedBy(blocks.blockOf(view.position)),
  };
}

function Words({ view, result, isMine, onAgain }: Props & { result: Opened | undefined; isMine: boolean }) {
  const words = useMessageStrings();
  if (view.state === "recalled")
    return <p className={styles.quiet}>{isMine ? words.recalledMine : words.recalled}</p>;
  if (view.state === "expired") return <p className={styles.quiet}>{words.expired}</p>;
  if (view.state === "held" && !isMine) return <p className={styles.quiet}>{words.heldOther}</p>;
  if (result === undefined) return <p className={styles.quiet}>{words.opening}</p>;
  if ("content" in result)
    return result.content.text === "" ? null : (
      <p dir="auto" className={styles.text}>
        {result.content.text}
      </p>
    );
  const said = { refused: words.refused, "not-for-me": words.notForMe, unreachable: words.unreachable };
  return (
    <p className={styles.fault} role={result.fault === "refused" ? "alert" : undefined}>
      <Icon name={result.fault === "unreachable" ? "offline" : "lock"} size={16} /> {said[result.fault]}{" "}
      {result.fault === "unreachable" && (
        <Button size="compact-sm" variant="default" onClick={onAgain}>
          {words.retry}
        </Button>
      )}
    </p>
  );
}

function Quote({ messages, opened, nameOf, id }: Props & { id: string }) {
  const to = messages.find(({ message }) => message === id);
  if (to === undefined) return null;
  const result = opened.get(to.envelope);
  const text = result !== undefined && "content" in result ? result.content.text : "";
  const isGone = to.state === "recalled" || to.state === "expired";
  return (
    <blockquote className={styles.quote} dir="auto">
      <strong>{nameOf(to.sender)}</strong> {isGone ? "…" : text.slice(0, 120)}
    </blockquote>
  );
}

/** How far it came, in a word with a sign. */
function State({ view, nameOf }: { view: MessageView; nameOf: (actor: string) => string }) {
  const words = useMessageStrings();
  const { language } = useLanguage();
  const { actor } = useMe();
  const names = (list: { actor: string }[]) =>
    listed(
      list.map((one) => nameOf(one.actor)),
      language,
    );
  if (view.state === "held") {
    return (
      <span className={styles.held}>
        <Icon name="hand" size={16} />
        <span>
          <strong>{words.held}.</strong> {words.heldDetail}
        </span>
      </span>
    );
  }
  if (view.state === "screening") {
    return (
      <span className={styles.state}>
        <Icon name="waiting" size={16} /> {words.screening}
      </span>
    );
  }
  const members = new Set(view.recipients.filter(({ role }) => role === "member").map((one) => one.actor));
  const others = view.receipts.filter((one) => one.actor !== actor && members.has(one.actor));
  const read = others.filter((one) => one.read_at !== null && one.version >= view.version);
  const delivered = others.filter((one) => one.delivered_at !== null && one.version >= view.version);
  return (
    <span className={styles.state}>
      <Icon name={read.length > 0 ? "eye" : "check"} size={16} />
      {read.length > 0
        ? words.readBy(names(read))
        : delivered.length > 0
          ? words.deliveredTo(names(delivered))
          : words.sent}
      {view.verdict === "flag" && ` · ${words.flagged}`}
    </span>
  );
}

function Actions({
  view,
  thread,
  isMine,
  content,
  nameOf,
  onReply,
  onEdit,
}: Props & { isMine: boolean; content: Content | null }) {
  const words = useMessageStrings();
  const { close } = useStrings().confirm;
  const [asked, setAsked] = useState<"recall" | "details" | null>(null);
  return (
    <>
      <Menu position={isMine ? "bottom-end" : "bottom-start"}>
        <Menu.Target>
          <button type="button" className={styles.more} aria-label={words.more}>
            <Icon name="more" size={20} />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {view.state === "sent" && (
            <Menu.Item leftSection={<Icon name="reply" size={18} />} onClick={onReply}>
              {words.reply}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<Icon name="eye" size={18} />} onClick={() => setAsked("details")}>
            {words.details}
          </Menu.Item>
          {isMine && content !== null && (
            <Menu.Item leftSection={<Icon name="edit" size={18} />} onClick={() => onEdit(content)}>
              {words.edit}
            </Menu.Item>
          )}
          {isMine && (
            <Menu.Item
              color="red"
              leftSection={<Icon name="replay" size={18} />}
              onClick={() => setAsked("recall")}
            >
              {words.recall}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={asked === "recall"}
        title={words.recall}
        confirm={words.recall}
        danger
        onConfirm={() => command("message.recall/1", { thread: thread.thread, message: view.message })}
        onClose={() => setAsked(null)}
      >
        {words.recallText}
      </Confirm>
      <Modal
        opened={asked === "details"}
        onClose={() => setAsked(null)}
        title={words.detailsTitle}
        closeButtonProps={{ "aria-label": close, size: 44 }}
      >
        <Details view={view} nameOf={nameOf} />
      </Modal>
    </>
  );
}

function Details({ view, nameOf }: { view: MessageView; nameOf: (actor: string) => string }) {
  const words = useMessageStrings();
  const { actor } = useMe();
  return (
    <Stack gap="sm">
      <Text size="sm" c="var(--t-quiet)">
        {words.recipients}
      </Text>
      <ul className={styles.people}>
        {view.recipients.map((one) => {
          const receipt = view.receipts.find((each) => each.actor === one.actor);
          return (
            <li key={one.actor}>
              <Icon name={one.role === "monitor" ? "shield" : "person"} size={18} />
              <span>
                <strong>
                  {one.role === "monitor"
                    ? words.monitor
                    : one.actor === actor
                      ? words.you
                      : nameOf(one.actor)}
                </strong>
                {one.role === "member" && one.actor !== view.sender && (
                  <span className={styles.quiet}>
                    {words.delivered}: {timeOr(receipt?.delivered_at, words.neverDelivered)} · {words.read}:{" "}
                    {timeOr(receipt?.read_at, words.neverDelivered)}
                  </span>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </Stack>
  );
}

function timeOr(at: string | null | undefined, otherwise: string) {
  return at == null ? otherwise.toLowerCase() : <TimeText at={at} />;
}
