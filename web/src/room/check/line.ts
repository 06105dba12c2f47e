/** How long a word takes to the node and back, over the connection that the visit will use. */
import type { LiveLink } from "../ports";
import type { NetworkResult } from "./devices";

const PINGS = 5;
const ANSWER_MS = 3_000;
const GOOD_MS = 150;
const FAIR_MS = 400;

/** Ask some times; the middle one counts. */
export async function measureLine(
  link: LiveLink,
  nowMs: () => number = () => performance.now(),
): Promise<NetworkResult> {
  const times: number[] = [];
  for (let n = 0; n < PINGS; n += 1) times.push(await ping(link, n, nowMs));
  return judgeLine(times);
}

export function judgeLine(times: readonly number[]): NetworkResult {
  const middle = [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)] ?? Infinity;
  if (middle <= GOOD_MS) return "good";
  return middle <= FAIR_MS ? "fair" : "poor";
}

function ping(link: LiveLink, n: number, nowMs: () => number): Promise<number> {
  return new Promise((resolve) => {
    const began = nowMs();
    const done = (ms: number) => {
      off();
      clearTimeout(timer);
      resolve(ms);
    };
    const off = link.on("hub", (message) => {
      if (message.event === "pong" && message.n === n) done(nowMs() - began);
    });
    const timer = setTimeout(() => done(Infinity), ANSWER_MS);
    if (!link.send({ topic: "hub", kind: "ping", n })) done(Infinity);
  });
}
