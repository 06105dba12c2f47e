/** Words about watches. */

import { makeStrings, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export const useWatchStrings = makeStrings<Like<typeof en>>({ en, es });
