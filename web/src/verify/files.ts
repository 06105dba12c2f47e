/**
 * The files of a bundle, each in the form that its path promises (`docs/spec/bundle.md`). The set of paths is
 * closed, and every size is bounded before it is looked at. No signature is verified here.
 *
 * Start at `parseBundle`.
 */

import type { Bytes } from "./bytes";
import { asciiText, fromBase64, fromBase64url, utf8Text } from "./bytes";
import { parseNetwork } from "./chains/anchor";
import { get, hasExactly, isObject, readJson } from "./json";
import type { Manifest } from "./manifest";
import { parseManifest } from "./manifest";
import { digestOf } from "./names";
import { refuse } from "./refusal";

export const EVIDENCE_BYTES_MAX = 4 * 1024 * 1024;
export const OPENED_BYTES_MAX = 64 * 1024;
export const DOCUMENT_BYTES_MAX = 1024 * 1024;
export const ENTRY_BYTES_MAX = 65_535;
export const CARD_BYTES_MAX = 16 * 1024;
export const LEVELS_BYTES_MAX = 256 * 1024;
export const NOTE_BYTES_MAX = 1024 * 1024;
export const ETHEREUM_BYTES_MAX = 256 * 1024;
export const ANCHORS_MAX = 8;
const HEADERS_BYTES_MAX = 80 * 12_096;
const OTS_BYTES_MAX = 64 * 1024;
const MANIFEST_JWS_BYTES_MAX = 16 * 1024;
const PATH_HASHES_MAX = 63;
const CARDS_MAX = 50;
const DOCUMENTS_MAX = 20_000;

const MANIFEST = "manifest.json";
const MANIFEST_JWS = "manifest.jws";
const READ_ME = "READ ME.txt";
const CHECKPOINT = "checkpoint";
const LOG_VKEYS = "log.vkeys";
const LEVELS = "levels.toml";

const NUMBERED = /^(entries|proofs|opened)\/([0-9]{12})\.(json|txt)$/;
const EVIDENCE = /^evidence\/([0-9a-f]{64})\.json$/;
const DOCUMENT = /^documents\/([0-9a-f]{64})$/;
const CARD = /^cards\/([0-9a-f]{8})\.json$/;
const ANCHOR = /^anchors\/([a-z0-9-]{1,40})\.(ots|headers|json)$/;
const MEMBER = /^[a-z][a-z0-9_]{0,63}(?:\.(?:0|[1-9][0-9]{0,2}))?$/;

const NUMBERED_BOUNDS = { entries: ENTRY_BYTES_MAX, proofs: PATH_HASHES_MAX * 45, opened: OPENED_BYTES_MAX };
const ANCHOR_BOUNDS = { ots: OTS_BYTES_MAX, headers: HEADERS_BYTES_MAX, json: ETHEREUM_BYTES_MAX };
const OTHER_BOUNDS: Readonly<Record<string, number>> = {
  [READ_ME]: 64 * 1024,
  [CHECKPOINT]: NOTE_BYTES_MAX,
  [LOG_VKEYS]: 8 * 1024,
  [LEVELS]: LEVELS_BYTES_MAX,
};

export interface BundleEntry {
  readonly position: number;
  readonly data: Bytes;
  /** Hashes from the leaf's sibling upwards. */
  readonly path: readonly Bytes[];
}

export interface Opened {
  readonly position: number;
  /** Name of the member that holds the commitment, such as `shown.2`. */
  readonly member: string;
  readonly key: Bytes;
  readonly value: Bytes;
}

export interface Bundle {
  readonly manifest: Manifest;
  readonly manifestJws: Bytes;
  readonly checkpoint: Bytes;
  readonly logVkeys: readonly [string, string];
  readonly entries: readonly BundleEntry[];
  readonly evidence: ReadonlyMap<string, Bytes>;
  readonly opened: readonly Opened[];
  readonly cards: ReadonlyMap<string, Bytes>;
  readonly anchors: ReadonlyMap<string, Bytes>;
  readonly levels: Bytes | null;
  readonly documents: ReadonlyMap<string, Bytes>;
}

type Files = ReadonlyMap<string, Bytes>;

/** The bundle of an archive's files: the manifest lists exactly these, and each is what its path promises. */
export function parseBundle(files: Files): Bundle {
  const manifestJws = fileOf(files, MANIFEST_JWS);
  for (const path of [MANIFEST, READ_ME, CHECKPOINT, LOG_VKEYS]) fileOf(files, path);
  if (manifestJws.length > MANIFEST_JWS_BYTES_MAX)
    refuse("limit-exceeded", `\`${MANIFEST_JWS}\` is too large`);
  const manifest = parseManifest(fileOf(files, MANIFEST));
  checkFiles(manifest, files);
  textOf(fileOf(files, READ_ME), READ_ME);
  return {
    manifest,
    manifestJws,
    checkpoint: fileOf(files, CHECKPOINT),
    logVkeys: parseVkeys(fileOf(files, LOG_VKEYS)),
    entries: parseEntries(files),
    evidence: filed(files, EVIDENCE, "sha256:"),
    opened: [...files]
      .filter(([path]) => path.startsWith("opened/"))
      .map(([path, data]) => parseOpened(path, data)),
    cards: parseCards(files),
    anchors: parseAnchors(files),
    levels: files.get(LEVELS) ?? null,
    documents: parseDocuments(files),
  };
}

/** The most bytes that a file may have, by its path; `bundle-refused` for a path that no bundle has. */
export function boundOf(path: string): number {
  const numbered = NUMBERED.exec(path);
  if (numbered !== null && (numbered[3] === "txt") === (numbered[1] === "proofs")) {
    return NUMBERED_BOUNDS[numbered[1] as keyof typeof NUMBERED_BOUNDS];
  }
  if (EVIDENCE.test(path)) return EVIDENCE_BYTES_MAX;
  if (DOCUMENT.test(path)) return DOCUMENT_BYTES_MAX;
  if (CARD.test(path)) return CARD_BYTES_MAX;
  const anchor = ANCHOR.exec(path);
  if (anchor !== null) {
    networkOf(path.slice("anchors/".length));
    return ANCHOR_BOUNDS[anchor[2] as keyof typeof ANCHOR_BOUNDS];
  }
  const bound = Object.hasOwn(OTHER_BOUNDS, path) ? OTHER_BOUNDS[path] : undefined;
  return bound ?? refuse("bundle-refused", "a bundle has no file of such a path");
}

/** The network of an anchor's file, such as `bitcoin-mainnet` of `bitcoin-mainnet.ots`. */
export function networkOf(name: string): string {
  const anchor = ANCHOR.exec(`anchors/${name}`);
  if (anchor === null) refuse("bundle-refused", "the name is not that of an anchor's file");
  const network = parseNetwork(anchor[1]);
  if ((anchor[2] === "json") !== network.startsWith("ethereum-")) {
    refuse("bundle-refused", `an anchor in \`${network}\` has no file such as \`${name}\``);
  }
  return network;
}

/** The files of the anchors by their names below `anchors/`, whole for each network. */
export function parseAnchors(files: Files): Map<string, Bytes> {
  const anchors = new Map<string, Bytes>();
  for (const [path, data] of files) if (ANCHOR.test(path)) anchors.set(path.slice("anchors/".length), data);
  const networks = new Set([...anchors.keys()].map(networkOf));
  for (const network of networks) {
    const whole = anchors.has(`${network}.ots`) && anchors.has(`${network}.headers`);
    if (network.startsWith("bitcoin-") && !whole) {
      refuse("bundle-refused", `the anchor in \`${network}\` does not have both its proof and its headers`);
    }
  }
  if (networks.size > ANCHORS_MAX)
    refuse("limit-exceeded", `there are anchors in more than ${ANCHORS_MAX} networks`);
  return anchors;
}

/** An inclusion path: one hash a line, in standard base64. */
export function parsePath(data: Bytes): readonly Bytes[] {
  const text = asciiText(data);
  if (text === null) refuse("not-base64", "a proof holds something that is not base64");
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length > PATH_HASHES_MAX) {
    refuse("bundle-refused", "a proof is not a list of lines, or has too many");
  }
  const path = lines.map(fromBase64);
  if (path.some((hash) => hash.length !== 32))
    refuse("bundle-refused", "a proof holds something that is no hash");
  return path;
}

function fileOf(files: Files, path: string): Bytes {
  return files.get(path) ?? refuse("bundle-refused", `the bundle has no file \`${path}\``);
}

function textOf(data: Bytes, path: string): string {
  return utf8Text(data) ?? refuse("bundle-refused", `the file \`${path}\` is not UTF-8 text`);
}

function checkFiles(manifest: Manifest, files: Files): void {
  const listed = new Set(manifest.files.map((file) => file.path));
  const beside = [MANIFEST, MANIFEST_JWS];
  for (const path of files.keys()) {
    if (!beside.includes(path) && !listed.has(path)) {
      refuse("manifest-mismatch", "the bundle holds a file that its manifest does not list");
    }
  }
  for (const { path, size, digest } of manifest.files) {
    const content = files.get(path);
    if (content === undefined || beside.includes(path)) {
      refuse("manifest-mismatch", "the manifest lists a file that the bundle does not hold");
    }
    if (content.length > boundOf(path)) refuse("limit-exceeded", `the file \`${path}\` is too large`);
    if (content.length !== size || digestOf(content) !== digest) {
      refuse(
        "manifest-mismatch",
        `the file \`${path}\` is not the one that the manifest lists`,
        positionIn(path),
      );
    }
  }
}

function positionIn(path: string): number | null {
  const numbered = NUMBERED.exec(path);
  return numbered === null ? null : Number(numbered[2]);
}

function parseVkeys(data: Bytes): readonly [string, string] {
  const [first, second, rest, ...more] = textOf(data, LOG_VKEYS).split("\n");
  if (!first || !second || rest !== "" || more.length > 0) {
    refuse("bundle-refused", `the file \`${LOG_VKEYS}\` does not hold exactly two lines`);
  }
  return [first, second];
}

function parseEntries(files: Files): readonly BundleEntry[] {
  const [entries, proofs, opened] = [
    new Map<number, Bytes>(),
    new Map<number, Bytes>(),
    new Map<number, Bytes>(),
  ];
  for (const [path, data] of files) {
    const numbered = NUMBERED.exec(path);
    const kind = numbered?.[1];
    const place = kind === "entries" ? entries : kind === "proofs" ? proofs : opened;
    if (numbered !== null) place.set(Number(numbered[2]), data);
  }
  const paired =
    entries.size === proofs.size && [...entries.keys()].every((position) => proofs.has(position));
  if (!paired) refuse("bundle-refused", "an entry does not have both its bytes and its proof");
  if (![...opened.keys()].every((position) => entries.has(position))) {
    refuse("bundle-refused", "a commitment is opened that has no entry");
  }
  const positions = [...entries.keys()].sort((one, other) => one - other);
  return positions.map((position) => ({
    position,
    data: entries.get(position) as Bytes,
    path: parsePath(proofs.get(position) as Bytes),
  }));
}

function filed(files: Files, pattern: RegExp, prefix: string): Map<string, Bytes> {
  const found = new Map<string, Bytes>();
  for (const [path, data] of files) {
    const match = pattern.exec(path);
    if (match !== null) found.set(prefix + match[1], data);
  }
  return found;
}

function parseCards(files: Files): Map<string, Bytes> {
  const cards = filed(files, CARD, "");
  if (cards.size > CARDS_MAX) refuse("limit-exceeded", `the bundle has more than ${CARDS_MAX} cards`);
  return cards;
}

function parseDocuments(files: Files): Map<string, Bytes> {
  const documents = filed(files, DOCUMENT, "sha256:");
  if (documents.size > DOCUMENTS_MAX)
    refuse("limit-exceeded", `the bundle has more than ${DOCUMENTS_MAX} documents`);
  return documents;
}

function parseOpened(path: string, data: Bytes): Opened {
  const numbered = NUMBERED.exec(path);
  const value = readJson(data, OPENED_BYTES_MAX);
  const whole =
    isObject(value) && hasExactly(value, ["v", "pointer", "key", "value"]) && get(value, "v") === 1;
  if (numbered === null || !whole)
    refuse("bundle-refused", `\`${path}\` is not an opened commitment of version 1`);
  const [member, key, content] = [get(value, "pointer"), get(value, "key"), get(value, "value")];
  if (
    typeof member !== "string" ||
    typeof key !== "string" ||
    typeof content !== "string" ||
    !MEMBER.test(member)
  ) {
    refuse("bundle-refused", `\`${path}\` has a member of the wrong type`);
  }
  const keyBytes = fromBase64url(key);
  if (keyBytes.length !== 32) refuse("bundle-refused", `the key in \`${path}\` is not 32 bytes`);
  return { position: Number(numbered[2]), member, key: keyBytes, value: fromBase64url(content) };
}
