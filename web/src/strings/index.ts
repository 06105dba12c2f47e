/**
 * Strings apart from code: each folder has `strings/en.ts` and `strings/es.ts`, and one hook made by `makeStrings`.
 *
 * Guarantees: `Like<typeof en>` makes a missing or misspelt Spanish string an error of the type checker.
 *
 * Conventions of the Spanish: one is addressed as `usted`; a visit is a `consulta`, as telehealth calls it (a `visita` is
 * paid at home), also in the consent texts that ship; looking into the log is a `revisión`. A test holds the second.
 */

import { en } from "./en";
import { es } from "./es";
import { languageNow, useLanguage, type Language } from "./language";

export { LANGUAGES, languageNow, setLanguage, showLanguage, useLanguage, type Language } from "./language";
export * from "./times";

/** The shape of `T` with any words in it. */
export type Like<T> = {
  [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...words: never[]) => unknown
      ? T[K]
      : Like<T[K]>;
};

/** A hook that gives the strings of the reader's language. */
export function makeStrings<T>(languages: Record<Language, T>): () => T {
  return () => languages[useLanguage().language];
}

/** The shell's own strings. */
export const useStrings = makeStrings<Like<typeof en>>({ en, es });

/** The shell's own strings outside React. */
export function stringsNow(): Like<typeof en> {
  return languageNow() === "es" ? es : en;
}
