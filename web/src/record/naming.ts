/** How a piece of a record is called before and after it was opened, and who may see it, in words. */

import type { IconName } from "~/components";
import { timeText, type Language } from "~/strings";
import { describe } from "./fhir";
import type { Content } from "./opening";
import type { RecordWords } from "./strings";
import type { Person, RecordItem } from "./types";

export function isFhirType(mediaType: string): boolean {
  return mediaType === "application/fhir+json";
}

/** As what a page can show a file of this type. */
export function shownAs(mediaType: string): "image" | "audio" | "video" | "pdf" | "text" | "file" {
  if (/^image\/(png|jpeg|gif|webp|avif)$/.test(mediaType)) return "image";
  if (mediaType.startsWith("audio/")) return "audio";
  if (mediaType.startsWith("video/")) return "video";
  if (mediaType === "application/pdf") return "pdf";
  return mediaType === "text/plain" ? "text" : "file";
}

/** What it is, as far as the ledger tells; once it is open, by its own title. */
export function titleOf(item: RecordItem, words: RecordWords, language: Language, content?: Content): string {
  if (item.reading !== null) return readingName(item.reading.kind, words);
  if (content?.kind === "fhir") return describe(content.resource, language).title;
  if (item.role !== null && item.role !== "record") return words.roles[item.role];
  return isFhirType(item.media_type) ? words.types.fhir : words.types[shownAs(item.media_type)];
}

export function readingName(kind: string, words: RecordWords): string {
  return (words.readings as Record<string, string>)[kind] ?? kind;
}

export function iconOf(item: RecordItem): IconName {
  if (item.reading !== null) return "pulse";
  if (item.role === "recording" || item.media_type.startsWith("video/")) return "record";
  if (item.role === "note") return "note";
  return shownAs(item.media_type) === "image" ? "photo" : "document";
}

/** A person's name as others see it; without one, what they are. */
export function personName(person: Person, words: RecordWords, me: string): string {
  if (person.id === me) return words.you;
  if (person.name !== null) return person.name;
  if (person.kind === "device") return words.someDevice;
  if (person.kind === "organisation" || person.kind === "system" || person.kind === "node")
    return words.theClinic;
  return person.roles[0]?.replaceAll("-", " ") ?? words.somebody;
}

/** Who besides `me` is listed as a reader: "Dr. Osei and 2 more". Devices that measured do not read. */
export function othersOf(item: RecordItem, words: RecordWords, me: string): string {
  const people = item.readers.filter(({ id, kind }) => id !== me && kind !== "device");
  const names = [...new Set(people.map((person) => personName(person, words, me)))];
  const [first, second] = names;
  if (first === undefined) return "";
  if (second === undefined) return capital(first);
  return `${capital(first)} ${words.and} ${names.length === 2 ? second : words.more(names.length - 1)}`;
}

/** The why line of a piece. */
export function whyOf(
  item: RecordItem,
  { words, language, me }: { words: RecordWords; language: Language; me: string },
): string {
  const others = othersOf(item, words, me);
  const granted = permittedOf(item, { words, language, me });
  if (item.why === "owner") return `${words.sees.written(others)}${granted}`;
  if (item.why === "subject") return `${words.sees.own(others)}${granted}`;
  if (item.why === "emergency") return words.sees.emergency;
  if (item.why === "reader") return words.sees.reader(others);
  const until = Date.parse(item.token_until ?? "");
  return words.sees.token(
    item.token_by === null ? words.somebody : personName(item.token_by, words, me),
    Number.isFinite(until) ? timeText(until, "date", { nowMs: Date.now(), language }) : "–",
  );
}

/** Who else may read it by a grant, and until when: the longest first, the rest as a number. */
function permittedOf(
  { permitted }: RecordItem,
  { words, language, me }: { words: RecordWords; language: Language; me: string },
): string {
  const [first] = [...permitted].sort((a, b) => (a.until < b.until ? 1 : -1));
  if (first === undefined) return "";
  const who = first.person === null ? words.team(first.members ?? 0) : personName(first.person, words, me);
  const ms = Date.parse(first.until);
  const until = Number.isFinite(ms) ? timeText(ms, "date", { nowMs: Date.now(), language }) : "–";
  const more = permitted.length - 1;
  return ` ${words.sees.permitted(more > 0 ? `${who} ${words.and} ${words.more(more)}` : who, until)}`;
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
