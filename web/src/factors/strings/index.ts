/** The words of factors, by the reader's language. */

import { makeStrings, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export type FactorWords = Like<typeof en>;

export const useFactorStrings = makeStrings<FactorWords>({ en, es });
