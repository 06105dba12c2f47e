/**
 * The reader's language: kept in this browser, else the first that the browser asks for, else English.
 *
 * Guarantees: the page's `lang` says what is shown, so that screen readers pronounce it rightly.
 */

import { useSyncExternalStore } from "react";

export type Language = "en" | "es";

export const LANGUAGES: readonly { language: Language; name: string }[] = [
  { language: "en", name: "English" },
  { language: "es", name: "Español" },
];

const KEY = "telesphor-language";
const listeners = new Set<() => void>();
let current: Language | null = null;

export function languageNow(): Language {
  current ??= kept() ?? preferred(globalThis.navigator?.languages ?? []);
  return current;
}

export function setLanguage(language: Language): void {
  current = language;
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // A browser that keeps nothing still shows the language until it is closed.
  }
  showLanguage();
  listeners.forEach((listener) => listener());
}

/** Tell the browser what language the page is in. */
export function showLanguage(): void {
  document.documentElement.lang = languageNow();
}

export function useLanguage(): { language: Language; setLanguage: (language: Language) => void } {
  return { language: useSyncExternalStore(subscribe, languageNow), setLanguage };
}

/** The first of `wanted` (BCP 47 tags, most wanted first) that we speak. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find(({ language }) => tag.toLowerCase().split("-")[0] === language);
    if (found !== undefined) return found.language;
  }
  return "en";
}

function kept(): Language | null {
  try {
    const text = localStorage.getItem(KEY);
    return text === "en" || text === "es" ? text : null;
  } catch {
    return null;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
