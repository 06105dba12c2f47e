/** The chat beside the picture. What others wrote is text and nothing else; files are saved, never opened in the page. */
import { Button, Textarea } from "@mantine/core";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { Confirm, Icon, safeName, saveBlob, TimeText } from "~/components";
import { cleanName, TEXT_CHARS_MAX, type ChatFile, type ChatLine } from "../mesh/chat";
import type { RoomFiles } from "../ports";
import { useRoomStrings } from "../strings";
import styles from "./room.module.css";
import { TRANSCRIPT_NAME, TRANSCRIPT_TYPE, transcriptOf } from "./transcript";

export const FILE_BYTES_MAX = 100 * 1024 * 1024;

interface Props {
  me: string;
  lines: readonly ChatLine[];
  others: readonly string[];
  nameOf: (actor: string) => string;
  files?: RoomFiles | undefined;
  readers: readonly string[];
  /** Whether this person may have the chat kept as a record of the visit. */
  mayKeep: boolean;
  onSay: (text: string, file?: ChatFile) => Promise<void>;
  onClose: () => void;
}

export function ChatPanel({ me, lines, others, nameOf, files, readers, mayKeep, onSay, onClose }: Props) {
  const words = useRoomStrings().chatPanel;
  const [text, setText] = useState("");
  const sending = useSending({ files, readers, onSay });
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [lines.length]);
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (text.trim() === "") return;
    void onSay(text);
    setText("");
  };
  return (
    <section className={styles.panel} aria-label={words.title}>
      <header>
        <h2>{words.title}</h2>
        <button type="button" className={styles.small} aria-label={words.close} onClick={onClose}>
          <Icon name="cross" size={20} />
        </button>
      </header>
      <div className={styles.log} role="log" tabIndex={0} aria-label={words.title}>
        <ol className={styles.lines}>
          {lines.length === 0 && <li className={styles.quiet}>{words.empty}</li>}
          {lines.map((line) => (
            <Line key={`${line.from} ${line.id}`} {...{ line, me, others, nameOf, files }} />
          ))}
        </ol>
        <div ref={end} />
      </div>
      <p className={styles.quiet} role="status">
        {sending.note}
      </p>
      <p className={styles.quiet}>{words.notKept}</p>
      {mayKeep && files !== undefined && lines.length > 0 && (
        <KeepButton {...{ lines, nameOf }} busy={sending.busy} onKeep={sending.keep} />
      )}
      <form className={styles.write} onSubmit={send}>
        <Textarea
          aria-label={words.write}
          placeholder={words.write}
          value={text}
          maxLength={TEXT_CHARS_MAX}
          autosize
          maxRows={5}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) =>
            event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing && send(event)
          }
        />
        {files !== undefined && (
          <AttachButton label={words.attach} busy={sending.busy} onFile={sending.send} />
        )}
        <Button type="submit" aria-label={words.send} disabled={text.trim() === ""}>
          <Icon name="send" size={20} />
        </Button>
      </form>
    </section>
  );
}

/** Everything that was written so far becomes a record of the visit; everybody in the room is told, and gets it. */
function KeepButton({
  lines,
  nameOf,
  busy,
  onKeep,
}: Pick<Props, "lines" | "nameOf"> & { busy: boolean; onKeep: (file: File, told: string) => Promise<void> }) {
  const words = useRoomStrings().chatPanel;
  const [asked, setAsked] = useState(false);
  const keep = () => {
    const text = transcriptOf(lines, { title: words.transcript, nameOf, file: words.fileInTranscript });
    return onKeep(new File([text], TRANSCRIPT_NAME, { type: TRANSCRIPT_TYPE }), words.kept);
  };
  return (
    <>
      <Button variant="light" loading={busy} onClick={() => setAsked(true)}>
        {words.keep}
      </Button>
      <Confirm
        opened={asked}
        title={words.keep}
        confirm={words.keep}
        onConfirm={keep}
        onClose={() => setAsked(false)}
      >
        {words.keepText}
      </Confirm>
    </>
  );
}

function Line({
  line,
  me,
  others,
  nameOf,
  files,
}: { line: ChatLine } & Pick<Props, "me" | "others" | "nameOf" | "files">) {
  const words = useRoomStrings();
  const isMine = line.from === me;
  const isHeard = others.every((actor) => line.heardBy.includes(actor));
  return (
    <li className={styles.line} data-mine={isMine || undefined}>
      <span className={styles.quiet}>
        {isMine ? words.you : nameOf(line.from)}{" "}
        <TimeText at={new Date(line.at).toISOString()} style="time" />
        {isMine && others.length > 0 && (
          <Icon
            name={isHeard ? "check" : "waiting"}
            size={16}
            label={isHeard ? words.chatPanel.heardByAll : words.chatPanel.notHeard}
          />
        )}
      </span>
      {line.text !== "" && <p dir="auto">{line.text}</p>}
      {line.file !== null && files !== undefined && <SaveButton file={line.file} files={files} />}
    </li>
  );
}

function SaveButton({ file, files }: { file: ChatFile; files: RoomFiles }) {
  const words = useRoomStrings().chatPanel;
  const [busy, setBusy] = useState(false);
  const [isRefused, setRefused] = useState(false);
  const save = async () => {
    setBusy(true);
    setRefused(false);
    try {
      // Whatever its sender calls it, the browser is told that it is bytes: nothing of it runs here.
      const blob = await files.fetch(file.object, FILE_BYTES_MAX);
      saveBlob(new Blob([blob], { type: "application/octet-stream" }), safeName(file.name));
    } catch {
      setRefused(true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button
        variant="light"
        loading={busy}
        leftSection={<Icon name="download" size={20} />}
        onClick={() => void save()}
      >
        {words.open(file.name)}
      </Button>
      {isRefused && <p role="alert">{words.notOpened}</p>}
    </>
  );
}

function AttachButton({
  label,
  busy,
  onFile,
}: {
  label: string;
  busy: boolean;
  onFile: (file: File) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file !== undefined) onFile(file);
          event.currentTarget.value = "";
        }}
      />
      <Button variant="light" aria-label={label} loading={busy} onClick={() => input.current?.click()}>
        <Icon name="attach" size={20} />
      </Button>
    </>
  );
}

function useSending({ files, readers, onSay }: Pick<Props, "files" | "readers" | "onSay">) {
  const words = useRoomStrings().chatPanel;
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const send = async (file: File, text = "") => {
    if (files === undefined) return;
    if (file.size > FILE_BYTES_MAX) return setNote(words.tooLarge);
    setBusy(true);
    try {
      const mediaType = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(file.type)
        ? file.type
        : "application/octet-stream";
      const progress = (ratio: number) => setNote(words.sending(Math.round(100 * ratio)));
      const object = await files.keep(file, { mediaType, readers, progress });
      await onSay(text, { object, name: cleanName(file.name), size: file.size, mediaType });
      setNote("");
    } catch {
      setNote(words.failed);
    } finally {
      setBusy(false);
    }
  };
  return { note, busy, send: (file: File) => void send(file), keep: send };
}
