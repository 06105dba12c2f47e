/** A time in the reader's zone and language; the whole instant is its title and its `datetime`. */

import { useEffect, useState } from "react";
import { exactTime, timeText, useLanguage, type TimeStyle } from "~/strings";

interface Props {
  at: string | number | null;
  style?: TimeStyle;
}

export function TimeText({ at, style = "moment" }: Props) {
  const { language } = useLanguage();
  const nowMs = useNow(style === "ago" || style === "until" ? 10_000 : 60_000);
  const ms = typeof at === "number" ? at : Date.parse(at ?? "");
  if (!Number.isFinite(ms)) return <span>–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={exactTime(ms, { language })}>
      {timeText(ms, style, { nowMs, language })}
    </time>
  );
}

/** Now, looked at again every `everyMs`. */
export function useNow(everyMs: number): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNowMs(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
