/** The auditor's strings. */

import { makeStrings, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export const useAuditorStrings = makeStrings<Like<typeof en>>({ en, es });
export type AuditorStrings = Like<typeof en>;
