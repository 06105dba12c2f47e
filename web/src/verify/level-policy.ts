/**
 * The rules by which a reader judges levels (`docs/spec/levels.md`): a small TOML file, read strictly. Every rule is
 * there and asks for at least one of something; what is not known is refused. Start at `parseLevels`.
 */

import { parse } from "smol-toml";

import type { Bytes } from "./bytes";
import { utf8, utf8Text } from "./bytes";
import type { HeaderPin } from "./chains/anchor";
import { headerPin, parseNetwork } from "./chains/anchor";
import { cosignerKeys } from "./checkpoint";
import { LEVELS_BYTES_MAX } from "./files";
import { digestOf, isDigest } from "./names";
import { LINES_MAX, vkeyText } from "./note";
import { Refusal, recast, refuse } from "./refusal";
import { SHIPPED_LEVELS } from "./shipped-levels";

const FORMAT = "telesphor-levels/1";
/** A note has two lines of its log, and two of each witness. */
const COSIGNERS_MAX = (LINES_MAX - 2) / 2;
const CONFIRMATIONS_MAX = 2016;
const NETWORKS_MAX = 16;
const WITNESS_PINS_MAX = 96;
const HEADER_PINS_MAX = 256;
/** A text in quotes on one line, or a comment; one that does not end is taken to the end of its line. */
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"?|'[^'\n]*'?|#[^\n]*/g;
const NEWER_ESCAPE = /\\[ex]/;

export interface LevelPolicy {
  readonly validators: number;
  readonly organisations: number;
  readonly regions: number;
  readonly clouds: number;
  readonly operators: number;
  readonly notaries: number;
  readonly anchors: {
    readonly atLeast: number;
    readonly networks: readonly string[];
    readonly confirmations: number;
  };
  /** When there is any, only those count: both vkeys of one, or the digest of its card. */
  readonly witnesses: readonly { readonly vkeys: string | null; readonly card: string | null }[];
  readonly pins: readonly HeaderPin[];
  /** Of the file's bytes. */
  readonly digest: string;
}

/** A policy of levels (`levels-refused`, `limit-exceeded`). */
export function parseLevels(data: Bytes): LevelPolicy {
  if (data.length > LEVELS_BYTES_MAX) {
    refuse("limit-exceeded", `the levels are larger than ${LEVELS_BYTES_MAX} bytes`);
  }
  const table = new Table("", readToml(data));
  if (table.take("format") !== FORMAT) bad(`the levels are not of the format \`${FORMAT}\``);
  const policy = {
    validators: table.number("validators", 1, COSIGNERS_MAX),
    ...diversityOf(table.table("diversity")),
    notaries: notariesOf(table.table("notary")),
    anchors: anchorsOf(table.table("anchors")),
    witnesses: witnessesOf(table.tables("witness", WITNESS_PINS_MAX)),
    pins: pinsOf(table.tables("pin", HEADER_PINS_MAX)),
    digest: digestOf(data),
  };
  table.close();
  return policy;
}

let shipped: LevelPolicy | null = null;

/** The policy that ships with the verifier. */
export function shippedLevels(): LevelPolicy {
  return (shipped ??= parseLevels(utf8(SHIPPED_LEVELS)));
}

/** The one text by which two pairs of witness keys are compared, in whatever order they were written. */
export function pairText(vkeys: readonly string[]): string {
  return cosignerKeys(vkeys).map(vkeyText).join(" ");
}

function readToml(data: Bytes): Record<string, unknown> {
  const text = utf8Text(data);
  if (text === null || !isPlain(text)) bad("the levels are not plain TOML");
  try {
    return parse(text, { integersAsBigInt: true });
  } catch {
    bad("the levels are not TOML");
  }
}

/** No dotted names, no text over several lines, and nothing that TOML 1.0 does not have but later versions do. */
function isPlain(text: string): boolean {
  if (text.startsWith("\ufeff") || text.includes('"""') || text.includes("'''")) return false;
  const open: string[] = [];
  const bare = text.replace(QUOTED, (quoted) => (quoted.startsWith("#") ? "" : "_"));
  let before = "";
  for (const mark of bare) {
    if (mark === ".") return false;
    if (mark === "\n" && open.at(-1) === "{") return false;
    if (mark === "}" && before === ",") return false;
    if (mark === "{" || mark === "[") open.push(mark);
    else if (mark === "}" || mark === "]") open.pop();
    if (mark.trim() !== "") before = mark;
  }
  return !(text.match(QUOTED) ?? []).some((quoted) => quoted.startsWith('"') && hasNewerEscape(quoted));
}

function hasNewerEscape(quoted: string): boolean {
  return NEWER_ESCAPE.test(quoted.replaceAll("\\\\", ""));
}

/** A table whose members are taken one by one; what is left at the end is not known and refused. */
class Table {
  private readonly left: Map<string, unknown>;

  constructor(
    private readonly name: string,
    members: object,
  ) {
    this.left = new Map(Object.entries(members));
  }

  has(name: string): boolean {
    return this.left.has(name);
  }

  take(name: string): unknown {
    if (!this.left.has(name)) bad(`the levels have no \`${this.path(name)}\``);
    const value = this.left.get(name);
    this.left.delete(name);
    return value;
  }

  number(name: string, least: number, most: number): number {
    const value = this.take(name);
    if (typeof value !== "bigint" || value < BigInt(least) || value > BigInt(most)) {
      bad(`\`${this.path(name)}\` is not a number between ${least} and ${most}`);
    }
    return Number(value);
  }

  text(name: string): string {
    const value = this.take(name);
    return typeof value === "string" ? value : bad(`\`${this.path(name)}\` is not text`);
  }

  texts(name: string, most: number): readonly string[] {
    const value = this.take(name);
    const fits = Array.isArray(value) && value.length >= 1 && value.length <= most;
    if (!fits || !value.every((item) => typeof item === "string")) {
      bad(`\`${this.path(name)}\` is not a list of 1 to ${most} texts`);
    }
    return value;
  }

  table(name: string): Table {
    const value = this.take(name);
    return isTable(value) ? new Table(this.path(name), value) : bad(`\`${this.path(name)}\` is not a table`);
  }

  tables(name: string, most: number): readonly Table[] {
    const value = this.has(name) ? this.take(name) : [];
    if (!Array.isArray(value) || !value.every(isTable)) bad(`\`${this.path(name)}\` is not a list of tables`);
    if (value.length > most)
      refuse("limit-exceeded", `the levels have more than ${most} of \`${this.path(name)}\``);
    return value.map((item: object) => new Table(this.path(name), item));
  }

  close(): void {
    if (this.left.size > 0) bad("the levels have a member that is not known");
  }

  private path(name: string): string {
    return this.name === "" ? name : `${this.name}.${name}`;
  }
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function diversityOf(table: Table) {
  const [organisations, regions, clouds, operators] = ["organisations", "regions", "clouds", "operators"].map(
    (name) => table.number(name, 1, COSIGNERS_MAX),
  ) as [number, number, number, number];
  table.close();
  return { organisations, regions, clouds, operators };
}

function notariesOf(table: Table): number {
  const notaries = table.number("at_least", 1, COSIGNERS_MAX);
  table.close();
  return notaries;
}

function anchorsOf(table: Table): LevelPolicy["anchors"] {
  const atLeast = table.number("at_least", 1, NETWORKS_MAX);
  const networks = table.texts("networks", NETWORKS_MAX);
  const confirmations = table.number("confirmations", 1, CONFIRMATIONS_MAX);
  table.close();
  recast("levels-refused", "`anchors.networks` is refused", () => networks.forEach(parseNetwork));
  if (new Set(networks).size !== networks.length) bad("`anchors.networks` has a network twice");
  if (atLeast > networks.length) bad("`anchors.at_least` is more than there are networks");
  return { atLeast, networks, confirmations };
}

function witnessesOf(tables: readonly Table[]): LevelPolicy["witnesses"] {
  const pins = tables.map(witnessOf);
  if (new Set(pins.map((pin) => pin.vkeys ?? pin.card)).size !== pins.length)
    bad("a `witness` is listed twice");
  return pins;
}

function witnessOf(table: Table): { vkeys: string | null; card: string | null } {
  if (table.has("vkeys") === table.has("card")) bad("a `witness` has either `vkeys` or `card`");
  const pin = table.has("card")
    ? { vkeys: null, card: table.text("card") }
    : { vkeys: witnessPair(table.texts("vkeys", 2)), card: null };
  if (pin.card !== null && !isDigest(pin.card)) bad("the `card` of a `witness` is not a digest");
  table.close();
  return pin;
}

function witnessPair(vkeys: readonly string[]): string {
  return recast("levels-refused", "a `witness` is refused", () => pairText(vkeys));
}

function pinsOf(tables: readonly Table[]): readonly HeaderPin[] {
  const pins = tables.map(pinOf);
  if (new Set(pins.map((pin) => `${pin.network} ${pin.height}`)).size !== pins.length) {
    bad("two `pin` are of one network and height");
  }
  return pins;
}

function pinOf(table: Table): HeaderPin {
  const [network, hash] = [table.text("network"), table.text("hash")];
  const height = table.number("height", 0, Number.MAX_SAFE_INTEGER);
  table.close();
  return recast("levels-refused", "a `pin` is refused", () => headerPin(network, height, hash));
}

function bad(message: string): never {
  throw new Refusal("levels-refused", message);
}
