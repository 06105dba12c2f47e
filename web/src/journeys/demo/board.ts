/**
 * What the demonstration's node says of its rounds: people, their links, what is ready.
 *
 * The key stands in this page's fragment and is sent in a header alone. No session is asked for.
 */

import { useCallback, useEffect, useState } from "react";

export const PARTS = ["clinician", "patient", "auditor", "administrator"] as const;
export type PartName = (typeof PARTS)[number];

export interface Player {
  part: PartName;
  name: string;
  actor: string;
  /** What stands behind `#`. */
  link: string;
  taken: boolean;
}

export interface Round {
  number: number;
  people: Player[];
  visit: string | null;
  ready: string[];
  /** The code of a refusal of something that was to be done for them; empty where all went well. */
  fault: string;
}

export interface BoardShown {
  clinic: string;
  /** Newest first. */
  rounds: Round[];
  preparing: boolean;
}

/** `closed`: the key is not that of this node, or it is no demonstration. `stale`: it answers no more. */
export type BoardState = "loading" | "ready" | "closed" | "stale";

export interface BoardView {
  state: BoardState;
  shown: BoardShown | null;
  /** Whether no further round can be asked for. */
  full: boolean;
  again: () => void;
}

const LOOK_MS = 800;
const KEY = /^[A-Za-z0-9_-]{22}$/;
const LINK = /^\/join\/[0-9a-f-]{36}\/[A-Za-z0-9_-]{43}$/;

/** Follows the board while the page is open. */
export function useBoard(key: string): BoardView {
  const [state, setState] = useState<BoardState>(KEY.test(key) ? "loading" : "closed");
  const [shown, setShown] = useState<BoardShown | null>(null);
  const [full, setFull] = useState(false);
  useEffect(() => {
    if (!KEY.test(key)) return setState("closed");
    const stop = new AbortController();
    let timer: number | undefined;
    const look = async () => {
      const found = await readBoard(key, stop.signal);
      if (stop.signal.aborted) return;
      setState(typeof found === "string" ? found : "ready");
      if (typeof found !== "string") setShown(found);
      if (found !== "closed") timer = window.setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [key]);
  const again = useCallback(() => {
    setShown((before) => before && { ...before, preparing: true });
    fetch("/v1/demo/rounds", { method: "POST", headers: { "telesphor-demo": key } })
      .then(({ status }) => setFull(status === 409))
      .catch(() => setState("stale"));
  }, [key]);
  return { state, shown, full, again };
}

async function readBoard(key: string, signal: AbortSignal): Promise<BoardShown | "closed" | "stale"> {
  try {
    const answer = await fetch("/v1/demo", { headers: { "telesphor-demo": key }, signal });
    if (answer.status === 403 || answer.status === 404) return "closed";
    return answer.ok ? boardOf(await answer.json()) : "stale";
  } catch {
    return "stale";
  }
}

/** A board as the node sent it, without anybody whose link is none: what is opened is always this site's. */
export function boardOf(answer: unknown): BoardShown {
  const { clinic, rounds, preparing } = answer as BoardShown;
  const cleaned = rounds.map((round) => ({
    ...round,
    people: round.people.filter(({ part, link }) => PARTS.includes(part) && LINK.test(link)),
  }));
  return { clinic, rounds: cleaned, preparing };
}
