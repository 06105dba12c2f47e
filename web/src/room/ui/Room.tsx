/**
 * The room of a visit: picture, controls, vitals, chat, notes, recording, and the line that says what protects it.
 *
 * The journeys give it what they know of the visit (`recording`, `readers`, names); it keeps the connections and the keys.
 */
import { Button } from "@mantine/core";
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Confirm, Icon, VitalsStrip, type IconName, type Vital } from "~/components";
import { stayAwake } from "~/session";
import { useFullScreen } from "~/app/fullscreen";
import type { RoomPerson, RoomState } from "../mesh/state";
import type { RoomPorts } from "../ports";
import type { RecorderState } from "../recording/recorder";
import { useRoomStrings, type RoomStrings } from "../strings";
import { ChatPanel } from "./ChatPanel";
import { Controls } from "./Controls";
import { LockLine } from "./LockLine";
import { People } from "./People";
import { refusalText } from "./refusals";
import styles from "./room.module.css";
import { useRecorder } from "./useRecorder";
import { useRoom } from "./useRoom";

export interface RoomProps {
  visit: string;
  /** Must stay the same object while the room is shown. */
  ports: RoomPorts;
  /** What `DeviceTest` has opened; without it one comes in silent and unseen. */
  stream: MediaStream | null;
  /** Actors who may read files and recordings: everybody with a seat; recordings without third parties. */
  readers: { files: readonly string[]; recording: readonly string[] };
  vitals?: readonly Vital[];
  notes?: ReactNode;
  /** One more panel beside chat and notes, such as a patient's consents, with its control in the bar. */
  panel?: { label: string; icon: IconName; content: ReactNode };
  /** From the visit's view; `mayStart` for clinicians. */
  recording?: { permitted: boolean; running: boolean; mayStart: boolean; lacking: readonly string[] };
  /** Given to clinicians: send somebody back or remove them, by signed command. */
  onModerate?: (actor: string, what: "lobby" | "remove") => Promise<unknown>;
  /** One left, or was made to. */
  onOut: (why: "left" | "lobby" | "removed" | "ended" | "replaced" | "unknown") => void;
}

export function Room(props: RoomProps) {
  const words = useRoomStrings();
  const [turn, setTurn] = useState(0);
  const { session, state, unsupported } = useRoom(props.visit, props.ports, props.stream, turn);
  useFullScreen(!unsupported);
  useEffect(() => stayAwake(), []);
  if (unsupported) return <Told title={words.unsupported.title} text={words.unsupported.text} />;
  if (state.phase === "replaced" || state.phase === "out" || state.phase === "left") {
    return <Out state={state} onOut={props.onOut} onBack={() => setTurn(turn + 1)} />;
  }
  if (session === null) return <Told title={words.joining} />;
  return <Inside {...props} session={session} state={state} />;
}

type InsideProps = RoomProps & {
  session: NonNullable<ReturnType<typeof useRoom>["session"]>;
  state: RoomState;
};

function Inside({ session, state, ports, visit, readers, ...props }: InsideProps) {
  const words = useRoomStrings();
  const { side, open, close } = useSide();
  const [leaving, setLeaving] = useState(false);
  const [removing, setRemoving] = useState<RoomPerson | null>(null);
  const [refused, setRefused] = useState("");
  const unread = useUnread(state.chat.filter(({ from }) => from !== ports.me).length, side === "chat");
  const news = useNews(state, ports.nameOf);
  const running = props.recording?.running === true;
  const onRefused = useCallback((error: unknown) => setRefused(refusalText(error, words)), [words]);
  const onTry = () => setRefused("");
  const { recorded, toggle } = useRecorder({
    ...{ ports, visit, readers: readers.recording, state, running },
    onRefused,
  });
  const moderate = props.onModerate;
  const onModerate = (person: RoomPerson, what: "lobby" | "remove") => {
    if (what === "remove") return setRemoving(person);
    onTry();
    void moderate?.(person.actor, what).catch(onRefused);
  };
  const recording = running ? "on" : recorded.phase === "finishing" ? "ending" : "off";
  const mayRecord = props.recording?.mayStart === true && (props.recording.permitted || running);
  const others = useMemo(() => state.others.map(({ actor }) => actor), [state.others]);
  return (
    <section className={styles.room} aria-label={words.room}>
      <LockLine sealed={state.sealed} recording={recording} />
      <People state={state} nameOf={ports.nameOf} onModerate={moderate && onModerate} />
      {side !== null && (
        <aside className={styles.side}>
          {side !== "chat" && (
            <div>
              <Button variant="subtle" leftSection={<Icon name="cross" size={18} />} onClick={close}>
                {words.closePanel}
              </Button>
              {side === "notes" ? props.notes : props.panel?.content}
            </div>
          )}
          {side === "chat" && (
            <ChatPanel
              me={ports.me}
              lines={state.chat}
              others={others}
              nameOf={ports.nameOf}
              files={ports.files}
              readers={readers.files}
              mayKeep={props.onModerate !== undefined}
              onSay={(text, file) => session.say(text, file)}
              onClose={close}
            />
          )}
        </aside>
      )}
      {props.vitals !== undefined && props.vitals.length > 0 && (
        <div className={styles.vitals}>
          <VitalsStrip readings={props.vitals} />
        </div>
      )}
      <div className={styles.bar}>
        <p className={styles.note} role="status">
          {noteOf({
            words,
            state,
            news,
            refused,
            recorded,
            lacking: props.recording,
            ports,
          })}
        </p>
        <Controls
          session={session}
          state={state}
          chatOpen={side === "chat"}
          unread={unread}
          onChat={() => open("chat")}
          notesOpen={side === "notes"}
          onNotes={props.notes === undefined ? undefined : () => open("notes")}
          panel={
            props.panel && {
              label: props.panel.label,
              icon: props.panel.icon,
              open: side === "panel",
              onPress: () => open("panel"),
            }
          }
          recording={
            mayRecord
              ? { running, busy: recorded.phase === "starting" || recorded.phase === "finishing", toggle }
              : undefined
          }
          onLeave={() => setLeaving(true)}
          onTry={onTry}
          onRefused={onRefused}
        />
      </div>
      <Confirm
        opened={leaving}
        title={words.leaveTitle}
        confirm={words.leave}
        danger
        onConfirm={() => session.leave()}
        onClose={() => setLeaving(false)}
      >
        {words.leaveText}
      </Confirm>
      <Confirm
        opened={removing !== null}
        title={words.moderation.remove}
        confirm={words.moderation.remove}
        danger
        onConfirm={() => (removing === null ? undefined : moderate?.(removing.actor, "remove"))}
        onClose={() => setRemoving(null)}
      >
        {removing !== null && words.moderation.removeText(ports.nameOf(removing.actor))}
      </Confirm>
    </section>
  );
}

/** The one panel beside the picture; closed from within, the focus goes back to the control that opened it. */
function useSide() {
  const [side, setSide] = useState<"chat" | "notes" | "panel" | null>(null);
  const opener = useRef<HTMLElement | null>(null);
  const open = (one: NonNullable<typeof side>) => {
    opener.current = document.activeElement as HTMLElement | null;
    setSide(side === one ? null : one);
  };
  const close = () => {
    setSide(null);
    opener.current?.focus();
  };
  return { side, open, close };
}

function Out({ state, onOut, onBack }: { state: RoomState; onOut: RoomProps["onOut"]; onBack: () => void }) {
  const words = useRoomStrings();
  const why = state.phase === "out" ? state.outReason : state.phase === "replaced" ? "replaced" : "left";
  const told = useRef(onOut);
  useEffect(() => {
    told.current = onOut;
  }, [onOut]);
  useEffect(() => {
    if (why !== "replaced") told.current(why);
  }, [why]);
  return (
    <Told title={words.out[why]}>{why === "replaced" && <Button onClick={onBack}>{words.here}</Button>}</Told>
  );
}

function Told({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <div className={styles.lobby} role="status">
      <h2>{title}</h2>
      {text !== undefined && <p>{text}</p>}
      {children}
    </div>
  );
}

interface Noted {
  words: RoomStrings;
  state: RoomState;
  news: string;
  refused: string;
  recorded: RecorderState;
  lacking: RoomProps["recording"];
  ports: RoomPorts;
}

/** The one most important thing to say now. */
function noteOf({ words, state, news, refused, recorded, lacking, ports }: Noted): string {
  if (state.phase === "away") return words.away;
  if (recorded.phase === "failed") return failureOf(recorded, words);
  if (refused !== "") return refused;
  if (recorded.phase === "starting") return words.recording.starting;
  if (recorded.phase === "kept") return words.recording.kept;
  if (state.quality === "audio-only") return words.quality["audio-only"];
  if (lacking?.mayStart === true && !lacking.permitted && lacking.lacking.length > 0) {
    const name = (actor: string) => (actor === ports.me ? words.you : ports.nameOf(actor));
    return words.recording.lacking(lacking.lacking.map(name).join(", "));
  }
  return news;
}

function failureOf({ code, guarded }: RecorderState, words: RoomStrings): string {
  if (code === "recording-unsupported") return words.recording.unsupported;
  return guarded ? words.recording.interrupted : words.recording.failed;
}

/** Who came and went, for those who do not see it. */
function useNews(state: RoomState, nameOf: (actor: string) => string): string {
  const words = useRoomStrings();
  const [news, setNews] = useState("");
  const before = useRef<readonly string[]>([]);
  useEffect(() => {
    const now = state.others.map(({ actor }) => actor);
    const came = now.find((actor) => !before.current.includes(actor));
    const went = before.current.find((actor) => !now.includes(actor));
    before.current = now;
    if (came !== undefined) setNews(words.came(nameOf(came)));
    else if (went !== undefined) setNews(words.went(nameOf(went)));
  }, [state.others, words, nameOf]);
  return news;
}

function useUnread(count: number, isOpen: boolean): number {
  const [read, setRead] = useState(0);
  useEffect(() => {
    if (isOpen) setRead(count);
  }, [isOpen, count]);
  return Math.max(0, count - read);
}
