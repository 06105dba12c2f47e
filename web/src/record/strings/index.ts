/** The words of a record, by the reader's language. */

import { makeStrings, type Language, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export type RecordWords = Like<typeof en>;
export type FhirWords = RecordWords["fhir"];

export const useRecordStrings = makeStrings<RecordWords>({ en, es });

/** What is measured, as devices' readings are called. */
export function readingWords(language: Language): Record<string, string> {
  return language === "es" ? es.readings : en.readings;
}

export function fhirWords(language: Language): FhirWords {
  return language === "es" ? es.fhir : en.fhir;
}
