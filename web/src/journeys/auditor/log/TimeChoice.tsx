/** When: a usual span until now, or two times of one's own, in the reader's zone. */

import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { useAuditorStrings } from "../strings";
import { Options } from "./Choice";
import { SPANS, type LogFilter, type Span } from "./filter";
import styles from "./log.module.css";

type Times = Pick<LogFilter, "last" | "since" | "until">;

export function TimeChoice({ filter, onPick }: { filter: LogFilter; onPick: (times: Times) => void }) {
  const t = useAuditorStrings().log;
  const isOwn = filter.since !== null || filter.until !== null;
  const [from, setFrom] = useState(localTime(filter.since));
  const [to, setTo] = useState(localTime(filter.until));
  const [wrong, setWrong] = useState(false);
  const apply = () => {
    const [since, until] = [instantOf(from), instantOf(to)];
    if (since !== null && until !== null && since >= until) setWrong(true);
    else onPick({ last: filter.last, since, until });
  };
  return (
    <div className={styles.choosing}>
      <Options<Span | "">
        options={SPANS.map((span) => ({ value: span, label: t.spans[span] }))}
        chosen={isOwn ? "" : filter.last}
        onPick={(last) => onPick({ last: last === "" ? filter.last : last, since: null, until: null })}
      />
      <TextInput
        type="datetime-local"
        label={t.from}
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <TextInput
        type="datetime-local"
        label={t.to}
        value={to}
        onChange={(event) => {
          setTo(event.currentTarget.value);
          setWrong(false);
        }}
        error={wrong ? t.wrongTimes : undefined}
      />
      <Button variant="default" onClick={apply} disabled={from === "" && to === ""}>
        {t.apply}
      </Button>
    </div>
  );
}

/** What a field of the browser holds: local, to the minute. */
export function localTime(at: string | null): string {
  if (at === null) return "";
  const date = new Date(at);
  if (!Number.isFinite(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The instant of a field, or null where it is empty. */
export function instantOf(local: string): string | null {
  const ms = local === "" ? NaN : new Date(local).getTime();
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}
