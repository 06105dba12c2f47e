import { makeStrings } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export const useClinicianStrings = makeStrings({ en, es });
