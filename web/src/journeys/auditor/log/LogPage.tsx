/** The log: a sentence that says what is listed, the list, and what comes in while one looks. */

import { Button } from "@mantine/core";
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { Empty, Failure, Icon, Loading, NoPermission, Offline, Page } from "~/components";
import { go, useRoute } from "~/router";
import { live, useView } from "~/session";
import { numberText } from "~/strings";
import type { Row, Words } from "../shapes";
import { useAuditorStrings } from "../strings";
import { CHOSEN_MAX, canChoose, choose, leave, leaveAll, useChosen } from "../taking/basket";
import { liveRows } from "../watch/keepers";
import { LogRow } from "./LogRow";
import { Sentence } from "./Sentence";
import { placeOf, readFilter, type LogFilter } from "./filter";
import { useLog, type Log } from "./useLog";
import styles from "./log.module.css";

export function LogPage() {
  const t = useAuditorStrings().log;
  const filter = readFilter(useRoute().query);
  const [withOwnLooks, setWithOwnLooks] = useState(false);
  const log = useLog(filter, { withOwnLooks });
  const words = useView<Words>("/v1/app/audit/words");
  useKeptScroll(log.phase === "ready");
  return (
    <Page title={t.title} actions={<Stream log={log} />}>
      <Sentence filter={filter} words={words.data} rows={log.shown} />
      <List log={log} filter={filter} />
      {(log.ownLooks > 0 || withOwnLooks) && (
        <p className={styles.small}>
          {!withOwnLooks && t.ownLooks(log.ownLooks)}{" "}
          <button type="button" className={styles.inline} onClick={() => setWithOwnLooks(!withOwnLooks)}>
            {withOwnLooks ? t.hideOwn : t.showOwn}
          </button>
        </p>
      )}
      <Chosen rows={log.shown} />
    </Page>
  );
}

/** Whether new entries come in, and the way to stop them for a while. */
function Stream({ log }: { log: Log }) {
  const t = useAuditorStrings().log;
  const connected = useSyncExternalStore(
    (listener) => live.onState(listener),
    () => live.open,
  );
  if (!log.isLive) return <p className={styles.small}>{t.closed}</p>;
  return (
    <div className={styles.stream}>
      <span className={styles.live} data-waits={log.paused || !connected || undefined} role="status">
        <Icon name={log.paused ? "pause" : connected ? "pulse" : "offline"} size={18} />
        {log.paused ? t.paused : connected ? t.live : t.notLive}
      </span>
      <Button
        variant="default"
        leftSection={<Icon name={log.paused ? "play" : "pause"} size={18} />}
        onClick={() => (log.paused ? liveRows.resume() : liveRows.pause())}
      >
        {log.paused ? t.resume : t.pause}
      </Button>
    </div>
  );
}

function List({ log, filter }: { log: Log; filter: LogFilter }) {
  const t = useAuditorStrings().log;
  const chosen = useChosen();
  const onChoose = useCallback(
    (row: Row, wanted: boolean) => (wanted ? choose([row]) : leave([row.position])),
    [],
  );
  if (log.shown.length === 0) {
    if (log.phase === "loading") return <Loading shape="list" />;
    if (log.error !== null) return <Broken log={log} />;
    if (log.before !== null) return <GoOn log={log} />;
    return (
      <Empty
        icon="search"
        title={t.none}
        action={
          filter.last !== "all" || filter.since !== null ? (
            <Button
              variant="default"
              onClick={() => go(placeOf({ ...filter, ...ALL_TIME }), { replace: true })}
            >
              {t.widen}
            </Button>
          ) : undefined
        }
      />
    );
  }
  const behind = log.size - log.indexed;
  return (
    <>
      {log.held > 0 && (
        <Button className={styles.news ?? ""} variant="light" onClick={() => liveRows.resume()}>
          {t.showNew(log.held)}
        </Button>
      )}
      {log.skipped > 0 && (
        <p className={styles.small}>
          {t.skipped(numberText(log.skipped, 0))}{" "}
          <button type="button" className={styles.inline} onClick={log.reload}>
            {t.loadAgain}
          </button>
        </p>
      )}
      {behind > 0 && <p className={styles.small}>{t.indexBehind(numberText(behind, 0))}</p>}
      <ol className={styles.list} aria-label={t.list} aria-busy={log.phase === "loading"}>
        {log.shown.map((row) => (
          <LogRow key={row.position} row={row} chosen={chosen.has(row.position)} onChoose={onChoose} />
        ))}
      </ol>
      {log.error !== null ? <Broken log={log} /> : <Foot log={log} />}
    </>
  );
}

const ALL_TIME = { last: "all", since: null, until: null } as const;

function Foot({ log }: { log: Log }) {
  const t = useAuditorStrings().log;
  if (log.before === null) return log.phase === "ready" ? <p className={styles.small}>{t.end}</p> : null;
  return (
    <Button
      variant="default"
      loading={log.more}
      onClick={log.loadMore}
      leftSection={<Icon name="down" size={18} />}
    >
      {t.older}
    </Button>
  );
}

function GoOn({ log }: { log: Log }) {
  const t = useAuditorStrings().log;
  return (
    <Empty
      icon="search"
      title={t.searchedBackTo(numberText(log.before ?? 0, 0))}
      action={
        <Button variant="default" loading={log.more} onClick={log.loadMore}>
          {t.goOn}
        </Button>
      }
    />
  );
}

function Broken({ log }: { log: Log }) {
  if (log.error === null) return null;
  if (log.error.code === "offline") return <Offline retry={log.reload} />;
  if (log.error.status === 403) return <NoPermission />;
  return <Failure error={log.error} retry={log.reload} />;
}

/** What was chosen stays at hand at the bottom. */
function Chosen({ rows }: { rows: readonly Row[] }) {
  const t = useAuditorStrings().log;
  const chosen = useChosen();
  if (chosen.size === 0) return null;
  const left = rows.filter((row) => canChoose(row) && !chosen.has(row.position));
  return (
    <div className={styles.chosen} role="region" aria-label={t.chosen(chosen.size)}>
      <span role="status">{t.chosen(chosen.size)}</span>
      <Button variant="subtle" color="gray" onClick={leaveAll}>
        {t.leaveAll}
      </Button>
      {left.length > 0 && chosen.size < CHOSEN_MAX && (
        <Button variant="subtle" color="gray" onClick={() => choose(left)}>
          {t.chooseAll}
        </Button>
      )}
      <Button onClick={() => go("/auditor/take")} leftSection={<Icon name="download" size={18} />}>
        {t.takeAlong}
      </Button>
    </div>
  );
}

let scrolledTo = 0;

/** Whoever comes back from an entry stands where they were. */
function useKeptScroll(ready: boolean): void {
  useEffect(() => {
    if (!ready) return;
    const frame = requestAnimationFrame(() => scrollTo(0, scrolledTo));
    const keep = () => {
      scrolledTo = window.scrollY;
    };
    const timer = window.setTimeout(() => addEventListener("scroll", keep, { passive: true }), 100);
    return () => {
      cancelAnimationFrame(frame);
      window.clearTimeout(timer);
      removeEventListener("scroll", keep);
    };
  }, [ready]);
}
