/** The words of the verifier's page, by the language that it is given. */

import type { Like } from "~/strings";
import type { Language } from "~/verify/words";
import { en } from "./en";
import { es } from "./es";

export type PageWords = Like<typeof en>;

export function pageWords(language: Language): PageWords {
  return language === "es" ? es : en;
}
