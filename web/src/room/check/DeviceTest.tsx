/**
 * The test before a visit: picture, loudness, tone, line; and what to do about each that does not work.
 *
 * Nobody is kept out: one may go on with a voice alone, or with neither. The stream is handed on and stays open.
 */
import { Button, Group, NativeSelect } from "@mantine/core";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { Check } from "~/components";
import type { LiveLink } from "../ports";
import { useRoomStrings } from "../strings";
import { Picture } from "../ui/Track";
import styles from "../ui/room.module.css";
import {
  helpFor,
  listDevices,
  openDevices,
  UNTESTED,
  type Checks,
  type Choice,
  type Known,
  type Opened,
} from "./devices";
import { measureLine } from "./line";
import { playTone, watchLevel } from "./sound";
import { useHeldStream } from "./useHeldStream";

interface Props {
  onReady: (outcome: { stream: MediaStream | null; checks: Checks }) => void;
  /** The live connection, to measure the line with. */
  link?: LiveLink;
  /** The words of the last button, where the journey has better ones. */
  readyLabel?: string;
}

export function DeviceTest({ onReady, link, readyLabel }: Props) {
  const words = useRoomStrings().device;
  const test = useTest(link);
  const { opened, checks, asking } = test;
  const hasPicture = opened !== null && opened.stream.getVideoTracks().length > 0;
  const handOn = () => {
    test.handOn();
    onReady({ stream: opened?.stream ?? null, checks });
  };
  return (
    <section className={styles.test} aria-label={words.title}>
      <div className={styles.preview}>
        {hasPicture ? (
          <Picture stream={opened.stream} label={words.picture} mirrored />
        ) : (
          <Start test={test} />
        )}
      </div>
      <p role="status" className={styles.quiet}>
        {asking ? words.asking : ""}
      </p>
      {opened !== null && (
        <>
          <Voice stream={opened.stream} />
          <Speaker result={checks.speaker} onResult={(speaker) => test.note({ speaker })} />
          <Choices test={test} />
          <Results checks={checks} />
          <Group>
            <Button onClick={handOn}>{readyLabel ?? (hasPicture ? words.ready : words.without)}</Button>
            <Button variant="default" onClick={() => void test.open(test.choice)}>
              {words.again}
            </Button>
          </Group>
        </>
      )}
    </section>
  );
}

type Test = ReturnType<typeof useTest>;

function useTest(link: LiveLink | undefined) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const [known, setKnown] = useState<Known>({ cameras: [], microphones: [] });
  const [checks, setChecks] = useState<Checks>(UNTESTED);
  const [choice, setChoice] = useState<Choice>({});
  const [asking, setAsking] = useState(false);
  const { keep, release } = useHeldStream();
  const note = (change: Partial<Checks>) => setChecks((before) => ({ ...before, ...change }));
  const open = async (wanted: Choice) => {
    setAsking(true);
    setChoice(wanted);
    keep(null);
    const made = await openDevices(wanted);
    keep(made.stream);
    setAsking(false);
    setOpened(made);
    note({ camera: made.camera, microphone: made.microphone });
    setKnown(await listDevices());
    if (link !== undefined) note({ network: await measureLine(link) });
  };
  return { opened, known, checks, choice, asking, note, open, handOn: release };
}

function Start({ test }: { test: Test }) {
  const words = useRoomStrings().device;
  return (
    <Button size="lg" loading={test.asking} onClick={() => void test.open({})}>
      {test.opened === null ? words.start : words.again}
    </Button>
  );
}

function Voice({ stream }: { stream: MediaStream }) {
  const words = useRoomStrings().device;
  const [level, setLevel] = useState(0);
  useEffect(() => (stream.getAudioTracks().length > 0 ? watchLevel(stream, setLevel) : undefined), [stream]);
  if (stream.getAudioTracks().length === 0) return null;
  return (
    <label>
      {words.speak}
      <meter className={styles.level} aria-label={words.level} min={0} max={1} value={level} />
    </label>
  );
}

function Speaker({
  result,
  onResult,
}: {
  result: Checks["speaker"];
  onResult: (result: Checks["speaker"]) => void;
}) {
  const words = useRoomStrings().device;
  const [played, setPlayed] = useState(false);
  const play = async () => {
    await playTone().catch(() => undefined);
    setPlayed(true);
  };
  return (
    <Group>
      <Button variant="light" onClick={() => void play()}>
        {words.tone}
      </Button>
      {played && (
        <Group role="group" aria-label={words.heard}>
          <span>{words.heard}</span>
          <Button
            variant={result === "ok" ? "filled" : "default"}
            aria-pressed={result === "ok"}
            onClick={() => onResult("ok")}
          >
            {words.yes}
          </Button>
          <Button
            variant={result === "failed" ? "filled" : "default"}
            aria-pressed={result === "failed"}
            onClick={() => onResult("failed")}
          >
            {words.no}
          </Button>
        </Group>
      )}
    </Group>
  );
}

function Choices({ test }: { test: Test }) {
  const words = useRoomStrings().device;
  const { known, choice, open } = test;
  const listOf = (devices: readonly MediaDeviceInfo[]) =>
    devices.map(({ deviceId, label }) => ({ value: deviceId, label }));
  return (
    <>
      {known.cameras.length > 1 && (
        <NativeSelect
          label={words.choose.camera}
          data={listOf(known.cameras)}
          value={choice.camera ?? ""}
          onChange={(event) => void open({ ...choice, camera: event.currentTarget.value })}
        />
      )}
      {known.microphones.length > 1 && (
        <NativeSelect
          label={words.choose.microphone}
          data={listOf(known.microphones)}
          value={choice.microphone ?? ""}
          onChange={(event) => void open({ ...choice, microphone: event.currentTarget.value })}
        />
      )}
    </>
  );
}

/** Each result in a word, and under each that is not good what helps. */
function Results({ checks }: { checks: Checks }) {
  const words = useRoomStrings().device;
  const lines = Object.entries(checks) as [keyof Checks, Checks[keyof Checks]][];
  return (
    <div>
      {lines.map(([what, result]) => {
        const isGood = result === "ok" || result === "good" || result === "fair";
        const state = isGood ? "done" : result === "untested" ? "todo" : "failed";
        const label = `${words.names[what]}: ${words.results[result]}`;
        return <Check key={what} state={state} label={label} detail={<Help what={what} result={result} />} />;
      })}
    </div>
  );
}

function Help({ what, result }: { what: keyof Checks; result: Checks[keyof Checks] }): ReactNode {
  const words = useRoomStrings().device.help;
  const browser = useMemo(() => helpFor(navigator.userAgent), []);
  if (result === "refused") return `${words.title}. ${words[browser]} ${words.voice}`;
  if (result === "missing" || (result === "failed" && what !== "speaker"))
    return `${words.missing} ${words.voice}`;
  if (what === "speaker" && result === "failed") return words.speaker;
  return result === "poor" ? words.network : null;
}
