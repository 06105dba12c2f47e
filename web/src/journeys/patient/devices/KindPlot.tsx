/** One kind of reading: its latest value large, and its course as a line with the usual range behind. */

import { Plot, TimeText, type Series } from "~/components";
import { USUAL, readingName, useRecordStrings } from "~/record";
import { numberText } from "~/strings";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import type { Kind } from "./useReadings";

export function KindPlot({ kind, height = 160, level = 3 }: { kind: Kind; height?: number; level?: 2 | 3 }) {
  const words = usePatientStrings().devices;
  const name = readingName(kind.kind, useRecordStrings());
  const series = kind.measured.series.map(({ name: own, samples }, index): Series => ({
    name: (words.series as Record<string, string>)[own] ?? name,
    points: samples.map(({ at, value }) => ({ x: at, y: value })),
    tone: index === 0 ? "accent" : "quiet",
  }));
  const last = kind.measured.series
    .map(({ samples }) => samples.at(-1))
    .filter((sample) => sample !== undefined);
  const unit = kind.measured.series[0]?.unit ?? "";
  const usual = series.length === 1 ? USUAL[kind.kind] : undefined;
  const Heading = `h${level}` as const;
  return (
    <div className={styles.kind}>
      <div className={styles.kindHead}>
        <Heading>{name}</Heading>
        {last[0] !== undefined && (
          <p className={styles.latest}>
            <strong>{last.map((sample) => numberText(sample.value)).join("/")}</strong> {unit}
            <span className={styles.quiet}>
              <TimeText at={last[0].at} style="ago" />
            </span>
          </p>
        )}
      </div>
      {last.length === 0 ? (
        <p className={styles.quiet}>{words.noValue}</p>
      ) : (
        <Plot
          series={series}
          height={height}
          unit={unit}
          label={name}
          {...(usual === undefined ? {} : { band: { low: usual.low, high: usual.high } })}
        />
      )}
      {usual !== undefined && last.length > 0 && (
        <p className={styles.quiet}>
          {words.usual(numberText(usual.low), numberText(usual.high), usual.unit)}
        </p>
      )}
    </div>
  );
}
