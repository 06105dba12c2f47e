/**
 * Chat of the room: each line arrives once, in everybody's room, or its sender sees who has not got it.
 *
 * Whoever hears a line says so; what was not acknowledged is said again under the keys of the then present epoch. Lines
 * are text: they are never read as markup. Files are sealed objects of the vault; a line names them. A line is dated when it
 * came, by the reader's own knowledge of the node's time: no word of its sender's can put it at another time.
 */
import type { Json, JsonObject } from "../../kernel/canonical";

export const TEXT_CHARS_MAX = 4_000;
/** Newest lines that a tab keeps: a long visit has some hundred. */
export const LINES_MAX = 500;
/** Lines that wait to be acknowledged; more are not said again. */
const UNACKNOWLEDGED_MAX = 50;
const ID = /^[A-Za-z0-9_-]{22}$/;
const OBJECT = /^[0-9a-f-]{36}$/;
const MEDIA_TYPE = /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,60}$/;
const NAME_CHARS_MAX = 120;

export interface ChatFile {
  readonly object: string;
  readonly name: string;
  readonly size: number;
  readonly mediaType: string;
}

export interface ChatLine {
  readonly id: string;
  readonly from: string;
  /** When it was written here, or came, in ms. */
  readonly at: number;
  readonly text: string;
  readonly file: ChatFile | null;
  /** One's own line: who has it. */
  readonly heardBy: readonly string[];
}

export interface ChatPorts {
  readonly me: string;
  readonly nowMs: () => number;
  readonly newId: () => string;
  readonly say: (word: JsonObject) => Promise<boolean>;
  readonly onChange: () => void;
}

export class Chat {
  readonly #ports: ChatPorts;
  #lines: readonly ChatLine[] = [];
  #mine: JsonObject[] = [];

  constructor(ports: ChatPorts) {
    this.#ports = ports;
  }

  get lines(): readonly ChatLine[] {
    return this.#lines;
  }

  /** Say a line to all in the room. */
  async post(text: string, file: ChatFile | null = null): Promise<void> {
    const line = {
      id: this.#ports.newId(),
      from: this.#ports.me,
      at: this.#ports.nowMs(),
      text: clean(text, TEXT_CHARS_MAX),
      file,
    };
    if (line.text === "" && file === null) return;
    const word: JsonObject = { type: "chat", id: line.id, text: line.text, file: file as Json };
    this.#mine = [...this.#mine, word].slice(-UNACKNOWLEDGED_MAX);
    this.#add({ ...line, heardBy: [] });
    await this.#ports.say(word);
  }

  /** Take a word; whether it was one of the chat's. */
  hear(from: string, word: JsonObject): boolean {
    if (word.type === "heard") this.#heard(from, word.id);
    else if (word.type === "chat") this.#take(from, word);
    else return false;
    return true;
  }

  /** Say again what one of these people does not have. */
  async repeatTo(others: readonly string[]): Promise<void> {
    const lacking = this.#mine.filter(({ id }) => {
      const line = this.#lines.find((found) => found.id === id);
      return line !== undefined && others.some((actor) => !line.heardBy.includes(actor));
    });
    for (const word of lacking) await this.#ports.say(word);
  }

  /** Somebody came in anew: what was said before is not theirs to be told. */
  excuse(actor: string): void {
    this.#lines = this.#lines.map((line) => (line.from === this.#ports.me ? heardAlsoBy(line, actor) : line));
  }

  #take(from: string, word: JsonObject): void {
    const line = readLine(from, word, this.#ports.nowMs());
    if (line === null) return;
    void this.#ports.say({ type: "heard", id: line.id });
    if (!this.#lines.some(({ id, from: known }) => id === line.id && known === from)) this.#add(line);
  }

  #heard(from: string, id: unknown): void {
    this.#lines = this.#lines.map((line) =>
      line.id === id && line.from === this.#ports.me ? heardAlsoBy(line, from) : line,
    );
    this.#ports.onChange();
  }

  #add(line: ChatLine): void {
    this.#lines = [...this.#lines, line].slice(-LINES_MAX);
    this.#ports.onChange();
  }
}

/** A file's name as it may be shown and saved: no folders, no control characters, none that turn the writing round. */
export function cleanName(name: string): string {
  const plain = clean(name.replace(/[/\\:*?"<>|]/g, "_"), NAME_CHARS_MAX).replace(/^\.+/, "");
  return plain === "" ? "file" : plain;
}

function readLine(from: string, word: JsonObject, at: number): ChatLine | null {
  const { id, text, file } = word;
  if (typeof id !== "string" || !ID.test(id) || typeof text !== "string") return null;
  if (text.length > TEXT_CHARS_MAX) return null;
  return { id, from, at, text: clean(text, TEXT_CHARS_MAX), file: readFile(file), heardBy: [] };
}

function readFile(value: unknown): ChatFile | null {
  if (typeof value !== "object" || value === null) return null;
  const { object, name, size, mediaType } = value as Record<string, unknown>;
  if (typeof object !== "string" || !OBJECT.test(object) || typeof name !== "string") return null;
  if (typeof size !== "number" || typeof mediaType !== "string" || !MEDIA_TYPE.test(mediaType)) return null;
  return { object, name: cleanName(name), size, mediaType };
}

function heardAlsoBy(line: ChatLine, actor: string): ChatLine {
  return line.heardBy.includes(actor) ? line : { ...line, heardBy: [...line.heardBy, actor] };
}

/** Without control characters and without those that turn the direction of writing (Unicode TR 9), which can forge names. */
function clean(text: string, charsMax: number): string {
  const plain = text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (found) =>
    found === "\n" || found === "\t" ? found : "",
  );
  return plain.trim().slice(0, charsMax);
}
