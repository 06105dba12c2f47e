/** What a control was refused for, in the reader's words: a browser says it in its own, and in English. */

import { asApiError } from "~/session";
import { RoomFault } from "../faults";
import type { RoomStrings } from "../strings";

/** By what Media Capture and Streams calls them. */
const BY_NAME: Readonly<Record<string, keyof RoomStrings["refused"]>> = {
  NotAllowedError: "notAllowed",
  SecurityError: "notAllowed",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "taken",
  AbortError: "taken",
};

export function refusalText(error: unknown, words: RoomStrings): string {
  if (error instanceof RoomFault && error.code === "screen-missing") return words.refused.noScreen;
  const name = BY_NAME[error instanceof Error || error instanceof DOMException ? error.name : ""];
  return name === undefined ? asApiError(error).message : words.refused[name];
}
