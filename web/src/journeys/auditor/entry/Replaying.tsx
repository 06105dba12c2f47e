/** The same decision made again from what was recorded, both outcomes side by side. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Failure, Icon } from "~/components";
import { api, asApiError, type ApiError } from "~/session";
import { numberText } from "~/strings";
import type { Replay, Side } from "../shapes";
import { useAuditorStrings } from "../strings";
import { noteRefusal, watchNow } from "../watch/useWatch";
import { useSpeech } from "../words";
import styles from "./entry.module.css";

export function Replaying({ position }: { position: number }) {
  const t = useAuditorStrings().entry;
  const { replay, error, busy, run } = useReplay(position);
  return (
    <section aria-labelledby="replay">
      <h2 id="replay">{t.replayTitle}</h2>
      <p className={styles.quiet}>{t.replayHint}</p>
      <Button
        variant={replay === null ? "filled" : "default"}
        loading={busy}
        onClick={run}
        leftSection={<Icon name="replay" size={18} />}
      >
        {t.replay}
      </Button>
      <div role="status">
        {replay !== null && <Outcome replay={replay} />}
        {error !== null && <Failure error={error} retry={run} />}
      </div>
    </section>
  );
}

function useReplay(position: number) {
  const [replay, setReplay] = useState<Replay | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const run = () => {
    const watch = watchNow("log");
    setBusy(true);
    setError(null);
    api
      .json<Replay>("GET", `/v1/app/audit/decisions/${position}/replay`, { query: { watch } })
      .then(setReplay)
      .catch((thrown: unknown) => {
        noteRefusal("log", watch, thrown);
        setError(asApiError(thrown));
      })
      .finally(() => setBusy(false));
  };
  return { replay, error, busy, run };
}

function Outcome({ replay }: { replay: Replay }) {
  const t = useAuditorStrings().entry;
  const { recorded, replayed, same, fault, message, milliseconds } = replay;
  return (
    <div className={styles.replay}>
      <p className={styles.verdict} data-same={same}>
        <Icon name={same ? "check" : "alarm"} size={20} />
        {same ? t.same : fault === "" ? t.differs : t.cannot}
      </p>
      {fault !== "" && (
        <p className={styles.quiet}>{fault === "document-forgotten" ? t.forgotten : message}</p>
      )}
      {(recorded !== null || replayed !== null) && (
        <div className={styles.sides}>
          <OneSide title={t.recorded} side={recorded} />
          <OneSide title={t.replayed} side={replayed} />
        </div>
      )}
      {same && <p className={styles.quiet}>{t.took(numberText(milliseconds, 1))}</p>}
    </div>
  );
}

function OneSide({ title, side }: { title: string; side: Side | null }) {
  const t = useAuditorStrings().entry;
  const { rule } = useSpeech();
  return (
    <div className={styles.side}>
      <h3>{title}</h3>
      {side === null ? (
        <p className={styles.quiet}>–</p>
      ) : (
        <>
          <span className={styles.outcome} data-outcome={side.outcome}>
            <Icon name={side.outcome === "allow" ? "check" : "cross"} size={20} />
            {side.outcome === "allow" ? t.allowed : t.refused}
          </span>
          <div className={styles.by}>
            {t.reasons}
            {": "}
            {side.reasons.length === 0 && t.noReason}
            {side.reasons.map((id) => (
              <code key={id} className={styles.mono} title={rule(id)}>
                {id}
              </code>
            ))}
          </div>
          {side.failed.length > 0 && <p className={styles.alarm}>{side.failed.join(", ")}</p>}
        </>
      )}
    </div>
  );
}
