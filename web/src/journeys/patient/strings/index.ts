/** The words of the patient's journey, by the reader's language. */

import { makeStrings, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export type PatientWords = Like<typeof en>;

export const usePatientStrings = makeStrings<PatientWords>({ en, es });
