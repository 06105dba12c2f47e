import { makeStrings } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export const useMessageStrings = makeStrings({ en, es });
export type MessageStrings = ReturnType<typeof useMessageStrings>;
