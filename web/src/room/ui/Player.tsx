/** Plays a recording of a visit: the browser's own controls, ranges fetched and decrypted as they are watched. */
import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Loading, WhyLine } from "~/components";
import type { RecipientKey } from "../../kernel/recipient";
import { Feed } from "../playback/feed";
import { Recording, type RangeReader } from "../playback/recording";
import { useRoomStrings } from "../strings";
import styles from "./room.module.css";

export interface PlayerProps {
  object: string;
  title?: string;
  /** Opens the object for reading: a decision of access, durable before the first byte. Must stay the same function. */
  open: (object: string) => Promise<RangeReader>;
  kemKey: RecipientKey;
}

/** Refusals that no second try changes. */
const FINAL: readonly string[] = [
  "not-a-recipient",
  "seal-refused",
  "playback-refused",
  "chunk-refused",
  "access-denied",
];

type Shown =
  { step: "opening" } | { step: "ready"; recording: Recording } | { step: "failed"; final: boolean };

export function Player({ object, title, open, kemKey }: PlayerProps) {
  const words = useRoomStrings().player;
  const video = useRef<HTMLVideoElement>(null);
  const [turn, setTurn] = useState(0);
  const [shown, setShown] = useState<Shown>({ step: "opening" });
  useEffect(() => {
    let isOver = false;
    setShown({ step: "opening" });
    open(object)
      .then((source) => Recording.open(object, source, kemKey))
      .then((recording) => isOver || setShown({ step: "ready", recording }))
      .catch((error: unknown) => isOver || setShown(failureOf(error)));
    return () => {
      isOver = true;
    };
  }, [object, open, kemKey, turn]);
  useEffect(() => {
    if (shown.step !== "ready" || video.current === null) return undefined;
    const feed = new Feed(video.current, shown.recording, (error) => setShown(failureOf(error)));
    return () => feed.end();
  }, [shown]);
  return (
    <figure className={styles.player} style={{ margin: 0 }}>
      {shown.step === "opening" && (
        <div role="status" aria-label={words.opening}>
          <Loading shape="cards" />
        </div>
      )}
      {shown.step === "ready" && <video ref={video} controls playsInline aria-label={title ?? words.title} />}
      {shown.step === "failed" && (
        <div role="alert">
          <p>{shown.final ? words.refused : words.failed}</p>
          {!shown.final && <Button onClick={() => setTurn(turn + 1)}>{words.retry}</Button>}
        </div>
      )}
      <figcaption>
        <WhyLine>{words.where}</WhyLine>
      </figcaption>
    </figure>
  );
}

function failureOf(error: unknown): Shown {
  const code = (error as { code?: unknown } | null)?.code;
  return { step: "failed", final: typeof code === "string" && FINAL.includes(code) };
}
