import { makeStrings, type Like } from "~/strings";
import { en } from "./en";
import { es } from "./es";

export type RoomStrings = Like<typeof en>;

/** The room's words in the reader's language. */
export const useRoomStrings = makeStrings<RoomStrings>({ en, es });
