/** The manifest of a bundle (`docs/spec/bundle.md`): what the bundle is about, and every other file by digest. */

import type { Bytes } from "./bytes";
import { utf8 } from "./bytes";
import type { Json } from "./json";
import { byCodePoint, get, hasExactly, isArray, isObject, readJson } from "./json";
import { isPrintable, parseDigest, parseId, parseInstant, parseStream } from "./names";
import { refuse } from "./refusal";

const FORMAT = "telesphor-bundle/1";
const MANIFEST_BYTES_MAX = 16 * 1024 * 1024;
const ORIGIN_BYTES_MAX = 255;
const PURPOSE_BYTES_MAX = 500;
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;
const MEMBERS = ["v", "format", "made_at", "origin", "subject", "keys", "files"];

/** One visit, whole, or entries that somebody chose. */
export type Subject =
  | { readonly kind: "visit"; readonly stream: string }
  | { readonly kind: "selection"; readonly id: string; readonly purpose: string };

export interface ManifestFile {
  readonly path: string;
  readonly size: number;
  readonly digest: string;
}

export interface Manifest {
  readonly madeAt: string;
  readonly origin: string;
  readonly subject: Subject;
  readonly keys: readonly [string, string];
  readonly files: readonly ManifestFile[];
  /** The exact bytes, which are what the node signed. */
  readonly data: Bytes;
}

export function nameOf(subject: Subject): string {
  return subject.kind === "visit" ? subject.stream : `selection/${subject.id}`;
}

/** Refuses with `manifest-refused`, or the code of what a member holds. */
export function parseManifest(data: Bytes): Manifest {
  const value = readJson(data, MANIFEST_BYTES_MAX);
  if (
    !isObject(value) ||
    get(value, "format") !== FORMAT ||
    get(value, "v") !== 1 ||
    !hasExactly(value, MEMBERS)
  ) {
    bad("the manifest does not have the form of a bundle's, version 1");
  }
  const madeAt = get(value, "made_at");
  if (typeof madeAt !== "string") bad("`made_at` is not an instant");
  parseInstant(madeAt);
  return {
    madeAt,
    origin: parseOrigin(get(value, "origin")),
    subject: parseSubject(get(value, "subject")),
    keys: parseKeys(get(value, "keys")),
    files: parseFiles(get(value, "files")),
    data,
  };
}

function bad(reason: string): never {
  refuse("manifest-refused", `the manifest is refused: ${reason}`);
}

function parseOrigin(value: Json | undefined): string {
  if (typeof value !== "string" || !isPrintable(value) || /[ +]/.test(value))
    bad("its `origin` is not a log's");
  const size = utf8(value).length;
  if (size === 0 || size > ORIGIN_BYTES_MAX) bad(`its \`origin\` is not 1 to ${ORIGIN_BYTES_MAX} bytes long`);
  return value;
}

function parseSubject(value: Json | undefined): Subject {
  if (isObject(value)) {
    const [stream, id, purpose] = [get(value, "stream"), get(value, "selection"), get(value, "purpose")];
    if (typeof stream === "string" && hasExactly(value, ["stream"])) {
      if (parseStream(stream)[0] !== "visit") bad("its `subject` is not a visit");
      return { kind: "visit", stream };
    }
    if (
      typeof id === "string" &&
      typeof purpose === "string" &&
      hasExactly(value, ["selection", "purpose"])
    ) {
      return { kind: "selection", id: parseId(id), purpose: parsePurpose(purpose) };
    }
  }
  bad("its `subject` names neither one visit nor one selection");
}

function parsePurpose(purpose: string): string {
  const size = utf8(purpose).length;
  const fits = size > 0 && size <= PURPOSE_BYTES_MAX && isPrintable(purpose);
  if (!fits || purpose.startsWith(" ") || purpose.endsWith(" "))
    bad("its purpose is not one that can be shown");
  return purpose;
}

function parseKeys(value: Json | undefined): readonly [string, string] {
  if (isArray(value) && value.length === 2) {
    const [first, second] = value;
    if (typeof first === "string" && typeof second === "string") {
      if (THUMBPRINT.test(first) && THUMBPRINT.test(second)) return [first, second];
    }
  }
  bad("its `keys` are not two thumbprints");
}

function parseFiles(value: Json | undefined): readonly ManifestFile[] {
  if (!isArray(value)) bad("its `files` are not a list");
  const files = value.map(parseLine);
  files.slice(1).forEach((file, index) => {
    const before = files[index] as ManifestFile;
    if (byCodePoint(before.path, file.path) >= 0) bad("it lists a file twice or out of order");
  });
  return files;
}

function parseLine(line: Json): ManifestFile {
  if (!isObject(line) || !hasExactly(line, ["path", "size", "digest"])) bad("a line has other members");
  const [path, size, digest] = [get(line, "path"), get(line, "size"), get(line, "digest")];
  if (typeof path !== "string" || typeof size !== "number" || size < 0 || typeof digest !== "string") {
    bad("a line has a member of the wrong type");
  }
  parseDigest(digest);
  return { path, size, digest };
}
