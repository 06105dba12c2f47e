/** Live readings: value, unit, the usual range as a band, the last ten minutes as a line, and how old the value is. */

import { numberText, timeText, useLanguage, useStrings } from "~/strings";
import { Icon } from "./icons";
import { linePath, rangeOf, thinned } from "./scale";
import { useNow } from "./TimeText";
import styles from "./Plot.module.css";

export interface Vital {
  key: string;
  name: string;
  value: number | string | null;
  unit: string;
  /** ISO 8601; null when there was none yet. */
  at: string | null;
  low?: number;
  high?: number;
  history: { at: string | number; value: number }[];
  staleAfterSeconds?: number;
}

const SHOWN_MS = 10 * 60 * 1000;
const STALE_SECONDS = 30;
const WIDTH = 200;
const HEIGHT = 36;

export function VitalsStrip({ readings }: { readings: readonly Vital[] }) {
  const words = useStrings().vitals;
  const nowMs = useNow(1000);
  return (
    <ul className={styles.vitals} aria-label={words.title}>
      {readings.map((vital) => (
        <VitalCard key={vital.key} vital={vital} nowMs={nowMs} />
      ))}
    </ul>
  );
}

function VitalCard({ vital, nowMs }: { vital: Vital; nowMs: number }) {
  const words = useStrings().vitals;
  const { language } = useLanguage();
  const state = vitalState(vital, nowMs);
  const age = vital.at === null ? words.none : timeText(Date.parse(vital.at), "ago", { nowMs, language });
  return (
    <li className={styles.vital} data-state={state}>
      <span className={styles.name}>
        <span>{vital.name}</span>
        {vital.low !== undefined && vital.high !== undefined && (
          <span title={words.range}>
            {numberText(vital.low)}–{numberText(vital.high)}
          </span>
        )}
      </span>
      <span className={styles.value}>
        {typeof vital.value === "number" ? numberText(vital.value) : (vital.value ?? "–")}
        <small>{vital.unit}</small>
      </span>
      <Spark vital={vital} nowMs={nowMs} state={state} />
      <span className={styles.age} data-state={state}>
        {state === "stale" && <Icon name="clock" size={14} />}
        {state === "out" && <Icon name="alarm" size={14} />}
        {state === "stale" ? words.stale(age) : state === "out" ? words.out : age}
      </span>
    </li>
  );
}

type VitalState = "fresh" | "stale" | "out" | "none";

/** A reading too old says nothing about now, also not that it is out of range. */
export function vitalState(vital: Vital, nowMs: number): VitalState {
  if (vital.at === null || vital.value === null) return "none";
  const ageSeconds = (nowMs - Date.parse(vital.at)) / 1000;
  if (!(ageSeconds <= (vital.staleAfterSeconds ?? STALE_SECONDS))) return "stale";
  if (typeof vital.value !== "number") return "fresh";
  const outside = vital.value < (vital.low ?? -Infinity) || vital.value > (vital.high ?? Infinity);
  return outside ? "out" : "fresh";
}

function Spark({ vital, nowMs, state }: { vital: Vital; nowMs: number; state: VitalState }) {
  const points = vital.history
    .map(({ at, value }) => ({ x: typeof at === "number" ? at : Date.parse(at), y: value }))
    .filter(({ x }) => x > nowMs - SHOWN_MS);
  const band =
    vital.low !== undefined && vital.high !== undefined ? { low: vital.low, high: vital.high } : undefined;
  const range = rangeOf(
    points.map((point) => point.y),
    band,
  );
  const x = (at: number) => ((at - (nowMs - SHOWN_MS)) / SHOWN_MS) * WIDTH;
  const y = (value: number) => (1 - (value - range.low) / (range.high - range.low)) * HEIGHT;
  return (
    <svg className={styles.spark} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
      {band !== undefined && (
        <rect
          className={styles.band}
          width={WIDTH}
          y={y(band.high)}
          height={Math.max(0, y(band.low) - y(band.high))}
        />
      )}
      <g
        className={styles.series}
        data-tone={state === "out" ? "alarm" : state === "fresh" ? "accent" : "quiet"}
      >
        <path
          className={styles.line}
          stroke="currentColor"
          vectorEffect="non-scaling-stroke"
          d={linePath(thinned(points, WIDTH), x, y)}
        />
      </g>
    </svg>
  );
}
