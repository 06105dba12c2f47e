/** Installing as an app, where the browser offers it: its offer is caught early and made when somebody asks for it. */

import { useSyncExternalStore } from "react";

interface InstallOffer extends Event {
  prompt: () => Promise<unknown>;
}

let offer: InstallOffer | null = null;
const listeners = new Set<() => void>();

/** To be called once, before the browser makes its offer. */
export function catchInstallOffer(): void {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    change(event as InstallOffer);
  });
  addEventListener("appinstalled", () => change(null));
}

/** Installs; null where the browser does not offer it, or it is installed already. */
export function useInstall(): (() => void) | null {
  const current = useSyncExternalStore(subscribe, () => offer);
  if (current === null) return null;
  return () => {
    void current.prompt().catch(() => undefined);
    change(null);
  };
}

function change(next: InstallOffer | null): void {
  offer = next;
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
