/** A plot of what people would rather look at than read: lines or bars over time, with a band of the usual range. */

import { useElementSize } from "@mantine/hooks";
import { numberText, timeText, useLanguage } from "~/strings";
import { linePath, rangeOf, thinned, ticksOf, type Point, type Range } from "./scale";
import styles from "./Plot.module.css";

export type Tone = "accent" | "alarm" | "wait" | "quiet";

export interface Series {
  name: string;
  /** x: ms since 1970. */
  points: readonly Point[];
  tone?: Tone;
}

interface Props {
  series: readonly Series[];
  height?: number;
  band?: Range;
  unit?: string;
  /** What readers of the screen hear first. */
  label: string;
  /** Bars count things, so their axis has whole numbers alone. */
  kind?: "line" | "bars";
}

const MARGIN = { top: 8, right: 4, bottom: 22, left: 44 };
const DAY_MS = 24 * 3600 * 1000;

export function Plot({ series, height = 200, band, unit, label, kind = "line" }: Props) {
  const { ref, width } = useElementSize();
  const { language } = useLanguage();
  const all = series.flatMap((one) => one.points);
  const yRange =
    kind === "bars"
      ? { ...rangeOf([0, ...all.map((p) => p.y)]), low: 0 }
      : rangeOf(
          all.map((p) => p.y),
          band,
        );
  const xRange = { low: Math.min(...all.map((p) => p.x)), high: Math.max(...all.map((p) => p.x)) };
  const inner = {
    width: Math.max(1, width - MARGIN.left - MARGIN.right),
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const barWidth = Math.max(1, (inner.width / Math.max(1, series[0]?.points.length ?? 1)) * 0.7);
  const side = kind === "bars" ? barWidth / 2 : 0;
  const x = (value: number) =>
    MARGIN.left + side + ((value - xRange.low) / (xRange.high - xRange.low || 1)) * (inner.width - 2 * side);
  const y = (value: number) =>
    MARGIN.top + (1 - (value - yRange.low) / (yRange.high - yRange.low)) * inner.height;
  const times = xRange.high - xRange.low > 2 * DAY_MS ? "date" : "time";

  return (
    <figure className={styles.figure} ref={ref}>
      <svg
        className={styles.plot}
        height={height}
        role="img"
        aria-label={`${label}. ${spoken(series, unit)}`}
      >
        {width > 0 && all.length > 0 && (
          <>
            {band !== undefined && (
              <rect
                className={styles.band}
                x={MARGIN.left}
                width={inner.width}
                y={y(band.high)}
                height={Math.max(0, y(band.low) - y(band.high))}
              />
            )}
            {ticksOf(yRange, { whole: kind === "bars" }).map((tick) => (
              <g key={tick}>
                <line
                  className={styles.grid}
                  x1={MARGIN.left}
                  x2={width - MARGIN.right}
                  y1={y(tick)}
                  y2={y(tick)}
                />
                <text className={styles.axis} x={MARGIN.left - 8} y={y(tick) + 4} textAnchor="end">
                  {numberText(tick, 2)}
                </text>
              </g>
            ))}
            {series.map((one) => (
              <g key={one.name} className={styles.series} data-tone={one.tone ?? "accent"}>
                {kind === "line" ? (
                  <path
                    className={styles.line}
                    stroke="currentColor"
                    d={linePath(thinned(one.points, inner.width), x, y)}
                  />
                ) : (
                  one.points.map((point) => (
                    <rect
                      key={point.x}
                      fill="currentColor"
                      rx={2}
                      x={x(point.x) - barWidth / 2}
                      width={barWidth}
                      y={y(point.y)}
                      height={Math.max(0, y(0) - y(point.y))}
                    />
                  ))
                )}
              </g>
            ))}
            {[xRange.low, xRange.high].map((at, end) => (
              <text
                key={end}
                className={styles.axis}
                x={end === 0 ? MARGIN.left : width - MARGIN.right}
                y={height - 4}
                textAnchor={end === 0 ? "start" : "end"}
              >
                {timeText(at, times, { nowMs: xRange.high, language })}
              </text>
            ))}
          </>
        )}
      </svg>
      {series.length > 1 && <Legend series={series} />}
    </figure>
  );
}

function Legend({ series }: { series: readonly Series[] }) {
  return (
    <ul className={styles.legend}>
      {series.map((one) => (
        <li key={one.name} className={styles.series}>
          <svg width="14" height="10" className={styles.series} data-tone={one.tone ?? "accent"} aria-hidden>
            <rect width="14" height="4" y="3" rx="2" fill="currentColor" />
          </svg>
          {one.name}
        </li>
      ))}
    </ul>
  );
}

/** The last value of each series: what an eye takes from a plot first. */
function spoken(series: readonly Series[], unit = ""): string {
  return series
    .map((one) => {
      const last = one.points.at(-1);
      return last === undefined ? one.name : `${one.name}: ${numberText(last.y, 2)} ${unit}`.trim();
    })
    .join("; ");
}
