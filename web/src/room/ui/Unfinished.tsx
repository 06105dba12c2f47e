/** Offers to finish recordings whose page was lost: on the first page that is opened afterwards. */
import { Button, Progress } from "@mantine/core";
import { useEffect, useState } from "react";
import { useIsFullScreen } from "~/app/fullscreen";
import { Confirm, Icon, TimeText } from "~/components";
import type { Unfinished } from "../recording/journal";
import { useRoomStrings, type RoomStrings } from "../strings";
import { unfinishedHere, type UnfinishedPorts } from "./unfinished";
import styles from "./unfinished.module.css";

/** While the person is away from this tab, another one may have lost or finished a recording. */
const LOOK_EVENTS = ["focus", "hashchange"] as const;

export default function UnfinishedRecordings({ ports = unfinishedHere }: { ports?: UnfinishedPorts }) {
  const words = useRoomStrings().unfinished;
  const [found, setFound] = useState<readonly Unfinished[]>([]);
  const inRoom = useIsFullScreen();
  useEffect(() => {
    let isOver = false;
    const look = () => {
      // Where nothing is kept there is nothing to finish. A card that is shown stays: it says what came of it.
      ports.list().then(
        (list) => isOver || setFound((shown) => [...shown, ...list.filter((one) => !isShown(shown, one))]),
        () => undefined,
      );
    };
    look();
    for (const name of LOOK_EVENTS) addEventListener(name, look);
    return () => {
      isOver = true;
      for (const name of LOOK_EVENTS) removeEventListener(name, look);
    };
  }, [ports]);
  if (found.length === 0 || inRoom) return null;
  const drop = (gone: Unfinished) => setFound((shown) => shown.filter((one) => one !== gone));
  return (
    <section className={styles.unfinished} aria-label={words.region}>
      {found.map((one) => (
        <Card key={one.object} recording={one} ports={ports} onGone={() => drop(one)} />
      ))}
    </section>
  );
}

type Shown =
  { step: "asked" } | { step: "busy"; ratio: number } | { step: "done" } | { step: "fault"; code: string };
/** After these there is nothing to try again. */
const FINAL: readonly string[] = ["visit-closed", "recording-lost"];

interface CardProps {
  recording: Unfinished;
  ports: UnfinishedPorts;
  onGone: () => void;
}

function Card({ recording, ports, onGone }: CardProps) {
  const words = useRoomStrings().unfinished;
  const [shown, setShown] = useState<Shown>({ step: "asked" });
  const [discarding, setDiscarding] = useState(false);
  const finish = () => {
    setShown({ step: "busy", ratio: 0 });
    ports
      .finish(recording.object, (ratio) => setShown({ step: "busy", ratio }))
      .then(
        () => setShown({ step: "done" }),
        (error: unknown) => setShown({ step: "fault", code: codeOf(error) }),
      );
  };
  const discard = async () => {
    await ports.discard(recording);
    onGone();
  };
  const isFinal = shown.step === "fault" && FINAL.includes(shown.code);
  return (
    <div className={styles.card} data-done={shown.step === "done"}>
      <Icon name={shown.step === "done" ? "check" : "record"} size={28} />
      <div className={styles.words}>
        <strong>{words.title(lengthOf(recording, words))}</strong>
        <p role="status">
          <Said shown={shown} words={words} /> <TimeText at={recording.startedMs} />
        </p>
        {shown.step === "busy" && (
          <Progress value={100 * shown.ratio} aria-label={words.progress(Math.round(100 * shown.ratio))} />
        )}
        {(shown.step === "asked" || shown.step === "fault") && (
          <div className={styles.actions}>
            {!isFinal && <Button onClick={finish}>{words.finish}</Button>}
            <Button variant="default" onClick={() => setDiscarding(true)}>
              {words.discard}
            </Button>
          </div>
        )}
      </div>
      <Confirm
        opened={discarding}
        title={words.discardTitle}
        confirm={words.discard}
        danger
        onConfirm={discard}
        onClose={() => setDiscarding(false)}
      >
        {words.discardText}
      </Confirm>
    </div>
  );
}

function Said({ shown, words }: { shown: Shown; words: RoomStrings["unfinished"] }) {
  if (shown.step === "asked") return words.text;
  // Not each percent: it is read out.
  if (shown.step === "busy") return words.progress(10 * Math.floor(10 * shown.ratio));
  if (shown.step === "done") return words.done;
  const faults: Record<string, string> = words.faults;
  return faults[shown.code] ?? words.faults.other;
}

function isShown(shown: readonly Unfinished[], { object }: Unfinished): boolean {
  return shown.some((one) => one.object === object);
}

function lengthOf({ durationMs }: Unfinished, words: RoomStrings["unfinished"]): string {
  const seconds = Math.max(1, Math.round(durationMs / 1_000));
  return seconds < 60 ? words.seconds(seconds) : words.minutes(Math.round(seconds / 60));
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
