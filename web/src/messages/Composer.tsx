/**
 * Where one writes: text, files, how urgent; and the monitor's own rules, asked here before anything leaves the page.
 *
 * Guarantees: what was written is not lost when it is refused, or when one looks at another conversation meanwhile.
 */

import { Button, SegmentedControl, Textarea } from "@mantine/core";
import { useEffect, useMemo, useRef, useState, type FormEvent } from "react";
import { Icon } from "~/components";
import type { Fate } from "~/monitor/files";
import { join, scan, type Finding } from "~/monitor/scanner";
import { asApiError, onSessionEnd, sessionNow, useMe } from "~/session";
import { useLanguage } from "~/strings";
import { ATTACHMENTS_MAX, TEXT_CHARS_MAX } from "./content";
import { FILE_BYTES_MAX } from "./FileButton";
import { dropSources, fatesOf, keepSource, scanSources } from "./files";
import { attachFile, recipientsOf, sendLetter } from "./letters";
import styles from "./messages.module.css";
import { listed, useOtherPatients } from "./people";
import { useMessageStrings } from "./strings";
import type { Attached, Content, MessageView, Side, ThreadView, Urgency } from "./types";
import type { HeldThread } from "./useThread";

export type Writing =
  { kind: "new" } | { kind: "reply"; to: MessageView } | { kind: "edit"; of: MessageView; content: Content };

interface Props {
  thread: ThreadView;
  held: HeldThread;
  role: Side;
  writing: Writing;
  onWriting: (writing: Writing) => void;
}

interface Draft {
  text: string;
  files: Attached[];
  urgency: Urgency;
}

const NOTHING: Draft = { text: "", files: [], urgency: "routine" };
const NEW: Writing = { kind: "new" };
const HOUR_MS = 3_600_000;
/** Told only when it becomes tight. */
const LEFT_SHOWN = 500;

/** What is being written in each conversation; in memory only. */
const drafts = new Map<string, Draft>();
onSessionEnd(() => drafts.clear());

export function Composer({ thread, held, role, writing, onWriting }: Props) {
  const words = useMessageStrings();
  const { session } = useMe();
  const { draft, setDraft, clear } = useDraft(thread.thread, writing);
  const [finding, setFinding] = useState<Finding | null>(null);
  const [note, setNote] = useState<{ text: string; isFault: boolean }>({ text: "", isFault: false });
  const [work, setWork] = useState<"sealing" | "sending" | null>(null);
  const busy = work !== null;
  const area = useRef<HTMLTextAreaElement>(null);
  const look = useScan(thread, held, role);
  useEffect(() => {
    if (writing.kind !== "new") area.current?.focus();
  }, [writing]);

  const change = (next: (now: Draft) => Partial<Draft>) => {
    setFinding(null);
    setNote({ text: "", isFault: false });
    setDraft(next);
  };
  const isEmpty = draft.text.trim() === "" && draft.files.length === 0;

  const send = async (isSure: boolean) => {
    if (isEmpty || busy) return;
    setWork("sending");
    setNote({ text: "", isFault: false });
    try {
      const found = isSure ? null : await look(draft);
      if (found !== null && found.verdict !== "pass") return setFinding(found);
      await sendLetter(letterOf(thread, draft, writing));
      setFinding(null);
      dropSources(draft.files);
      clear();
      onWriting(NEW);
      held.view.reload();
    } catch (error) {
      const { message, hint } = asApiError(error);
      setNote({ text: [message, hint].filter(Boolean).map(sentence).join(" "), isFault: true });
      held.view.reload(); // Who is in it may have changed: the page shows whom it goes to now.
    } finally {
      setWork(null);
      area.current?.focus();
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void send(false);
  };
  const attach = async (files: readonly File[]) => {
    for (const [at, file] of files.entries()) {
      if (draft.files.length + at >= ATTACHMENTS_MAX) return setNote({ text: words.tooMany, isFault: true });
      if (file.size > FILE_BYTES_MAX) return setNote({ text: words.tooLarge, isFault: true });
    }
    setWork("sealing");
    try {
      for (const file of files) {
        const told = (ratio: number) =>
          setNote({ text: words.attaching(Math.round(100 * ratio)), isFault: false });
        const sealed = await attachFile(thread, file, told);
        if (sessionNow()?.session !== session) return; // It is nobody's draft any more.
        keepSource(sealed, file);
        change((now) => ({ files: [...now.files, sealed] }));
      }
    } catch {
      setNote({ text: words.fileFailed, isFault: true });
    } finally {
      setWork(null);
    }
  };
  const left = TEXT_CHARS_MAX - [...draft.text].length;
  return (
    <form className={styles.composer} onSubmit={submit}>
      <Context writing={writing} held={held} thread={thread} onStop={() => onWriting(NEW)} />
      {finding !== null && (
        <Warning
          finding={finding}
          busy={busy}
          onSend={() => void send(true)}
          onChange={() => {
            setFinding(null);
            area.current?.focus();
          }}
        />
      )}
      {draft.files.length > 0 && (
        <ul className={styles.files}>
          {draft.files.map((file) => (
            <li key={file.object}>
              <Icon name="attach" size={16} /> <span className={styles.fileName}>{file.name}</span>
              {writing.kind !== "edit" && (
                <button
                  type="button"
                  className={styles.more}
                  aria-label={words.removeFile(file.name)}
                  onClick={() => {
                    dropSources([file]);
                    change(({ files }) => ({ files: files.filter((one) => one !== file) }));
                  }}
                >
                  <Icon name="cross" size={18} />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <Fates files={draft.files} />
      <div className={styles.write}>
        <Textarea
          ref={area}
          aria-label={words.write}
          placeholder={words.write}
          value={draft.text}
          readOnly={work === "sending"}
          onChange={(event) => {
            const text = event.currentTarget.value;
            change(() => ({ text }));
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
            event.preventDefault();
            void send(false);
          }}
          error={left < 0}
          autosize
          minRows={2}
          maxRows={8}
          flex={1}
        />
        {writing.kind !== "edit" && <AttachButton busy={busy} onFiles={(files) => void attach(files)} />}
        <Button
          type="submit"
          loading={busy}
          disabled={isEmpty || left < 0}
          aria-label={writing.kind === "edit" ? words.save : words.send}
        >
          <Icon name={writing.kind === "edit" ? "check" : "send"} size={20} />
        </Button>
      </div>
      {writing.kind !== "edit" && (
        <UrgencyField urgency={draft.urgency} onChange={(urgency) => setDraft(() => ({ urgency }))} />
      )}
      <p
        className={styles.note}
        role={note.isFault ? "alert" : "status"}
        data-fault={note.isFault || undefined}
      >
        {note.text || (left < LEFT_SHOWN ? words.left(left) : "")}
      </p>
    </form>
  );
}

/** What the monitor will do with files that are not looked at here, said before they are sent. */
function Fates({ files }: { files: readonly Attached[] }) {
  const words = useMessageStrings();
  const { language } = useLanguage();
  const fates = useFates(files);
  const told = (["later", "never"] as const).map((fate) => ({
    fate,
    names: files.filter(({ object }) => fates.get(object) === fate).map(({ name }) => name),
  }));
  return (
    <div role="status">
      {told.map(
        ({ fate, names }) =>
          names.length > 0 && (
            <p key={fate} className={styles.unseen}>
              <Icon name="info" size={16} />
              <span>{words.fates[fate](listed(names, language), names.length)}</span>
            </p>
          ),
      )}
    </div>
  );
}

/** Of each object what will become of it, once that is known. */
function useFates(files: readonly Attached[]): ReadonlyMap<string, Fate> {
  const [fates, setFates] = useState<ReadonlyMap<string, Fate>>(new Map());
  useEffect(() => {
    let isOver = false;
    void fatesOf(files).then((found) => {
      if (!isOver) setFates(new Map(files.map(({ object }, at) => [object, found[at] ?? "never"])));
    });
    return () => {
      isOver = true;
    };
  }, [files]);
  return fates;
}

function letterOf(thread: ThreadView, { text, files, urgency }: Draft, writing: Writing) {
  if (writing.kind !== "edit") {
    const reply_to = writing.kind === "reply" ? writing.to.message : null;
    return { thread, urgency, content: { text, attachments: files, reply_to } };
  }
  const { attachments, reply_to } = writing.content;
  const { message, versions } = writing.of;
  return { thread, urgency, message, version: versions + 1, content: { text, attachments, reply_to } };
}

/** The draft of a conversation; an edit has one of its own, so that what was begun before is still there after it. */
function useDraft(thread: string, writing: Writing) {
  const [own, setOwn] = useState<Draft>(() => drafts.get(thread) ?? NOTHING);
  const [edit, setEdit] = useState<Draft>(NOTHING);
  const isEdit = writing.kind === "edit";
  useEffect(() => {
    if (writing.kind === "edit")
      setEdit({ ...NOTHING, text: writing.content.text, files: writing.content.attachments });
  }, [writing]);
  // By what it is at that moment: it may have changed, also from another page, while a file was sealed.
  const setDraft = (next: (now: Draft) => Partial<Draft>) => {
    if (isEdit) return setEdit((now) => ({ ...now, ...next(now) }));
    const now = drafts.get(thread) ?? NOTHING;
    const draft = { ...now, ...next(now) };
    drafts.set(thread, draft);
    setOwn(draft);
  };
  const clear = () => {
    if (isEdit) return setEdit(NOTHING);
    drafts.delete(thread);
    setOwn(NOTHING);
  };
  return { draft: isEdit ? edit : own, setDraft, clear };
}

/** The monitor's rules over a draft, with what only this page and the node know. */
function useScan(thread: ThreadView, held: HeldThread, role: Side) {
  const { actor } = useMe();
  const names = useOtherPatients(thread, role);
  const { messages } = held;
  return useMemo(
    () => async (draft: Draft) => {
      const { domains } = await recipientsOf(thread.thread);
      const since = Date.now() - HOUR_MS;
      const sentLately = messages.filter((one) => one.sender === actor && Date.parse(one.at) > since).length;
      const fileNames = draft.files.map(({ name }) => name);
      const inText = scan({ text: draft.text, names, domains, fileNames, sentLately });
      return join([inText, ...(await scanSources(draft.files, { names, domains }))]);
    },
    [thread.thread, messages, actor, names],
  );
}

function Warning({
  finding,
  busy,
  onSend,
  onChange,
}: {
  finding: Finding;
  busy: boolean;
  onSend: () => void;
  onChange: () => void;
}) {
  const words = useMessageStrings();
  const said: Record<string, string> = words.codes;
  const isHold = finding.verdict === "hold";
  return (
    <div className={styles.warning} role="alert" data-hold={isHold || undefined}>
      <strong>
        <Icon name={isHold ? "hand" : "alarm"} size={20} /> {isHold ? words.warning.hold : words.warning.flag}
      </strong>
      <p>{isHold ? words.warning.holdText : words.warning.flagText}</p>
      <ul>
        {finding.codes.map((code) => (
          <li key={code}>{said[code] ?? code}</li>
        ))}
      </ul>
      <div className={styles.choices}>
        <Button onClick={onChange}>{words.change}</Button>
        <Button variant="default" loading={busy} onClick={onSend}>
          {words.sendAnyway}
        </Button>
      </div>
    </div>
  );
}

function Context({
  writing,
  held,
  thread,
  onStop,
}: Pick<Props, "writing" | "held" | "thread"> & { onStop: () => void }) {
  const words = useMessageStrings();
  if (writing.kind === "new") return null;
  const isEdit = writing.kind === "edit";
  const text = isEdit ? words.editing : words.replyTo(nameOfSender(writing.to, thread, words.nobody));
  const result = isEdit ? undefined : held.opened.get(writing.to.envelope);
  const quoted = result !== undefined && "content" in result ? result.content.text.slice(0, 80) : "";
  return (
    <div className={styles.context}>
      <Icon name={isEdit ? "edit" : "reply"} size={18} />
      <span>
        {text} <span className={styles.quiet}>{quoted}</span>
      </span>
      <button
        type="button"
        className={styles.more}
        aria-label={isEdit ? words.cancelEdit : words.noReply}
        onClick={onStop}
      >
        <Icon name="cross" size={18} />
      </button>
    </div>
  );
}

function nameOfSender(view: MessageView, thread: ThreadView, nobody: string): string {
  return view.sender_name ?? thread.members.find(({ actor }) => actor === view.sender)?.name ?? nobody;
}

function UrgencyField({ urgency, onChange }: { urgency: Urgency; onChange: (urgency: Urgency) => void }) {
  const words = useMessageStrings();
  return (
    <div className={styles.urgencyField}>
      <SegmentedControl
        size="sm"
        aria-label={words.urgency}
        value={urgency}
        onChange={(value) => onChange(value as Urgency)}
        data={(["routine", "urgent", "critical"] as const).map((value) => ({
          value,
          label: words.urgencies[value],
        }))}
      />
      {urgency !== "routine" && <span className={styles.quiet}>{words.urgencyNote}</span>}
    </div>
  );
}

function AttachButton({ busy, onFiles }: { busy: boolean; onFiles: (files: readonly File[]) => void }) {
  const words = useMessageStrings();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
      <Button
        variant="default"
        aria-label={words.attach}
        disabled={busy}
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" size={20} />
      </Button>
    </>
  );
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(begun) ? begun : `${begun}.`;
}
