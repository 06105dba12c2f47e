/** The chat of a visit as a text for its record: what this device has seen of it, line by line. */

import { formatInstant } from "../../kernel/clock";
import type { ChatLine } from "../mesh/chat";

export const TRANSCRIPT_NAME = "chat.txt";
export const TRANSCRIPT_TYPE = "text/plain";

interface Told {
  title: string;
  nameOf: (actor: string) => string;
  /** How a line says that a file was sent. */
  file: (name: string) => string;
}

/** Each line with its time (UTC) and who wrote it; lines of one text are indented, so that none passes for another's. */
export function transcriptOf(lines: readonly ChatLine[], { title, nameOf, file }: Told): string {
  const told = lines.map(({ at, from, text, file: sent }) => {
    const said = [text, sent === null ? "" : file(oneLine(sent.name))].filter((one) => one !== "").join("\n");
    return `${formatInstant(at)} ${oneLine(nameOf(from))}: ${said.split(BREAKS).join("\n    ")}`;
  });
  return `${[title, ...told].join("\n")}\n`;
}

/** Everything that some reader of texts takes for the end of a line. */
const BREAKS = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;

function oneLine(text: string): string {
  return text.split(BREAKS).join(" ");
}
