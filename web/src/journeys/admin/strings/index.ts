/** The administrator's strings. */

import { makeStrings, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export const useAdminStrings = makeStrings<Like<typeof en>>({ en, es });
