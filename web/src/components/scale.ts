/** Scales of plots: round steps of an axis, and points that fit a width without losing a peak. */

export interface Point {
  x: number;
  y: number;
}

export interface Range {
  low: number;
  high: number;
}

/** The range of `values`, with a little air; never empty. */
export function rangeOf(values: readonly number[], band?: Range): Range {
  const all = [...values, ...(band === undefined ? [] : [band.low, band.high])].filter(Number.isFinite);
  if (all.length === 0) return { low: 0, high: 1 };
  const low = all.reduce((a, b) => Math.min(a, b));
  const high = all.reduce((a, b) => Math.max(a, b));
  const air = (high - low || Math.abs(high) || 1) * 0.08;
  return { low: low - air, high: high + air };
}

/** About `count` round numbers (1, 2 or 5 times a power of ten) within the range; of counts whole ones alone. */
export function ticksOf({ low, high }: Range, { count = 4, whole = false } = {}): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const found = [1, 2, 5, 10].map((by) => by * power).find((size) => span / size <= count) ?? 10 * power;
  const step = whole ? Math.max(1, found) : found;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  );
}

/** At most about `count` points: of each stretch its lowest and its highest, in their order. */
export function thinned(points: readonly Point[], count: number): readonly Point[] {
  if (points.length <= count) return points;
  const size = Math.ceil(points.length / Math.max(1, Math.floor(count / 2)));
  const kept: Point[] = [];
  for (let at = 0; at < points.length; at += size) {
    const stretch = points.slice(at, at + size);
    const low = stretch.reduce((a, b) => (b.y < a.y ? b : a));
    const high = stretch.reduce((a, b) => (b.y > a.y ? b : a));
    kept.push(...(low === high ? [low] : low.x <= high.x ? [low, high] : [high, low]));
  }
  return kept;
}

/** A path through `points`; points that are no numbers are left out. */
export function linePath(
  points: readonly Point[],
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const sound = points.filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
  return sound
    .map((point, at) => `${at === 0 ? "M" : "L"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`)
    .join("");
}
