/** Ties the session to the page: the live connection follows it, and nobody's idle screen stays open. */

import { useEffect, useState } from "react";
import { IdleWatch } from "./idle";
import { live } from "./live";
import { signOut } from "./node";
import { useSession } from "./store";

const SIGNS = ["pointerdown", "keydown", "wheel", "touchstart"] as const;
let watch: IdleWatch | null = null;
let held = 0;

/** Hold the session awake, as a live room does; call what is returned when it is over. */
export function stayAwake(): () => void {
  held += 1;
  let mine = 1;
  return () => {
    held -= mine;
    mine = 0;
  };
}

/** Run the session of this page; returns the seconds left while a warning is due, and what answers it. */
export function usePresence(): { secondsLeft: number | null; stay: () => void } {
  const session = useSession();
  const [secondsLeft, warn] = useState<number | null>(null);
  const number = session?.session ?? null;
  const idleSeconds = session?.idleSeconds ?? 0;

  useEffect(() => {
    live.begin(number);
    const online = () => live.retryNow();
    addEventListener("online", online);
    return () => {
      removeEventListener("online", online);
      live.begin(null);
    };
  }, [number]);

  useEffect(() => {
    if (number === null) return;
    const own = new IdleWatch({ idleSeconds, world: worldOf(warn) });
    watch = own;
    const note = () => own.note();
    SIGNS.forEach((sign) => addEventListener(sign, note, { passive: true, capture: true }));
    const ticking = window.setInterval(() => own.tick(), 1000);
    return () => {
      SIGNS.forEach((sign) => removeEventListener(sign, note, { capture: true }));
      window.clearInterval(ticking);
      watch = null;
      warn(null);
    };
  }, [number, idleSeconds]);

  return { secondsLeft, stay: () => watch?.note() };
}

function worldOf(warn: (secondsLeft: number | null) => void) {
  return {
    nowMs: () => Date.now(),
    awake: () => held > 0,
    present: () => void live.send({ topic: "hub", kind: "active" }),
    warn,
    end: () => void signOut("idle"),
  };
}
