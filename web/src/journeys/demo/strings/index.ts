/** The words of the demonstration's page. */

import { makeStrings, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export const useDemoStrings = makeStrings<Like<typeof en>>({ en, es });
