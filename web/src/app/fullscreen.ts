/** A page that needs the whole window (the room) hides the header and the menu while it is shown. */

import { useEffect, useSyncExternalStore } from "react";

let wanted = 0;
const listeners = new Set<() => void>();

export function useFullScreen(on: boolean): void {
  useEffect(() => {
    if (!on) return;
    change(1);
    return () => change(-1);
  }, [on]);
}

export function useIsFullScreen(): boolean {
  return useSyncExternalStore(subscribe, () => wanted > 0);
}

function change(by: number): void {
  wanted += by;
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
