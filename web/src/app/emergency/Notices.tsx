/**
 * Notices of emergency access, on every page: to the patient whom one was about, until it is seen; to privacy officers,
 * until somebody has judged it. They come over the live connection, or with the next page.
 */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, TimeText } from "~/components";
import { asApiError, command, useView } from "~/session";
import { useStrings } from "~/strings";
import { useIsFullScreen } from "../fullscreen";
import styles from "./Notices.module.css";

export interface Notice {
  break_glass: string;
  about: "you" | "patient";
  who: string;
  name: string | null;
  target: "object" | "visit" | "record";
  reason: string;
  state: "open" | "ended" | "reviewed";
  opened_at: string;
  ended_at: string;
  times: number;
  reads: number;
  verdict: "justified" | "not-justified" | null;
}

interface NoticePage {
  notices: Notice[];
  count: number;
}

const TOPICS = ["emergency"];
/** Of what is shown unasked: the newest is never hidden by the page below it, nor the page by them. */
const SHOWN = 1;

export function Notices() {
  const words = useStrings().notices;
  const view = useView<NoticePage>("/v1/app/emergencies", { topics: TOPICS });
  const floating = useIsFullScreen();
  const [all, setAll] = useState(false);
  if (view.data === null || view.data.notices.length === 0) return null;
  const { notices, count } = view.data;
  const shown = all ? notices : notices.slice(0, SHOWN);
  return (
    <section className={styles.notices} data-floating={floating} aria-label={words.title}>
      {shown.map((notice) => (
        <NoticeCard key={notice.break_glass} notice={notice} onDone={view.reload} />
      ))}
      {count > shown.length && !all && (
        <Button variant="subtle" color="gray" c="var(--t-text)" onClick={() => setAll(true)}>
          {words.more(count - shown.length)}
        </Button>
      )}
    </section>
  );
}

export function NoticeCard({ notice, onDone }: { notice: Notice; onDone: () => void }) {
  const strings = useStrings();
  const words = strings.notices;
  const reasons: Record<string, string> = strings.glass.reasons;
  const who = notice.name ?? words.nobody;
  return (
    <div className={styles.notice} role="alert" data-open={notice.state === "open"}>
      <Icon name="emergency" size={28} />
      <div className={styles.words}>
        <strong>{words.opened[notice.about](who, words.things[notice.about][notice.target])}</strong>
        <p>
          {words.reason(reasons[notice.reason] ?? notice.reason)} <TimeText at={notice.opened_at} />
          {". "}
          {notice.state === "open" ? words.open : words.over} {words.reads(notice.reads)}
          {notice.times > 1 && ` ${words.times(notice.times)}`}
          {notice.verdict !== null && ` ${words.verdicts[notice.verdict]}`}
        </p>
        {notice.about === "you" ? (
          <OwnActions notice={notice} onDone={onDone} />
        ) : (
          <OfficerActions notice={notice} onDone={onDone} />
        )}
      </div>
    </div>
  );
}

interface ActionsProps {
  notice: Notice;
  onDone: () => void;
}

/** The patient's: to look, and to say that one has seen it. */
function OwnActions({ notice, onDone }: ActionsProps) {
  const words = useStrings().notices;
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState("");
  const acknowledge = async () => {
    setBusy(true);
    setRefused("");
    try {
      await command("break-glass.acknowledge/1", { break_glass: notice.break_glass });
      onDone();
    } catch (error) {
      const fault = asApiError(error);
      if (fault.code === "break-glass-acknowledged")
        onDone(); // In another tab.
      else setRefused(fault.message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={styles.actions}>
      <Button variant="default" component="a" href="#/patient/seen">
        {words.look}
      </Button>
      <Button variant="default" loading={busy} onClick={() => void acknowledge()}>
        {words.seen}
      </Button>
      {refused !== "" && <span role="alert">{refused}</span>}
    </div>
  );
}

/** The officer's: to judge it, once and for all. */
function OfficerActions({ notice, onDone }: ActionsProps) {
  const words = useStrings().notices;
  const [verdict, setVerdict] = useState<"justified" | "not-justified">("justified");
  const [asked, setAsked] = useState(false);
  const ask = (one: "justified" | "not-justified") => {
    setVerdict(one);
    setAsked(true);
  };
  const review = async () => {
    await command("break-glass.review/1", { break_glass: notice.break_glass, verdict });
    onDone();
  };
  return (
    <div className={styles.actions}>
      <Button variant="default" onClick={() => ask("justified")}>
        {words.justified}
      </Button>
      <Button variant="default" onClick={() => ask("not-justified")}>
        {words.notJustified}
      </Button>
      <Confirm
        opened={asked}
        title={words.judge}
        confirm={verdict === "justified" ? words.justified : words.notJustified}
        danger={verdict === "not-justified"}
        onConfirm={review}
        onClose={() => setAsked(false)}
      >
        {words.once}
      </Confirm>
    </div>
  );
}
