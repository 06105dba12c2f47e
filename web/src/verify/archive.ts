/**
 * The canonical archive (`docs/spec/bundle.md`): a ZIP file whose every byte follows from its contents.
 *
 * Reading derives each header again from the names and contents that it finds and refuses any difference. Time and
 * memory are linear in the size of the file: nothing is ever expanded, and contents are views into it.
 */

import type { Bytes } from "./bytes";
import { asciiText, concat, concatAll, equal, utf8 } from "./bytes";
import { demand, refuse } from "./refusal";

/** More announces ZIP64, which the profile does not have. */
const FILES_MAX = 0xfffe;
/** 64 MiB: more than this is not for a browser. */
export const BUNDLE_BYTES_MAX = 64 * 1024 * 1024;
const NAME_BYTES_MAX = 200;
const FIRST_NAMES = ["manifest.json", "manifest.jws"];
const SEGMENT = /^[A-Za-z0-9_](?:[A-Za-z0-9 ._-]*[A-Za-z0-9_])?$/;

const LOCAL_MARK = 0x04034b50;
const CENTRAL_MARK = 0x02014b50;
const END_MARK = 0x06054b50;
const ZIP64_MARKS = [0x06064b50, 0x07064b50];
const LOCAL_BYTES = 30;
const END_BYTES = 22;
const ZIP64 = 0xffff_ffff;

export interface ArchiveLimits {
  readonly archiveBytes: number;
  readonly files: number;
}

export const BUNDLE_LIMITS: ArchiveLimits = { archiveBytes: BUNDLE_BYTES_MAX, files: FILES_MAX };

/** The files of an archive in its order. Refuses with one of the codes of an archive. */
export function readArchive(data: Bytes, limits: ArchiveLimits = BUNDLE_LIMITS): Map<string, Bytes> {
  if (data.length > limits.archiveBytes) {
    refuse("limit-exceeded", `the archive is larger than ${limits.archiveBytes} bytes`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  checkFrame(view, limits);
  const files = new Map<string, Bytes>();
  const central: Bytes[] = [];
  let offset = 0;
  while (offset + 4 <= data.length && view.getUint32(offset, true) === LOCAL_MARK) {
    if (files.size === limits.files)
      refuse("limit-exceeded", `the archive holds more than ${limits.files} files`);
    const [name, content] = readFile(data, view, offset);
    if (files.has(name)) refuse("archive-not-canonical", "the archive holds a name twice");
    const header = { name: utf8(name), crc: crc32(content), size: content.length };
    if (!equal(data.subarray(offset, offset + LOCAL_BYTES + name.length), localHeader(header))) {
      const damaged = view.getUint32(offset + 14, true) !== header.crc;
      if (damaged) refuse("archive-damaged", "the contents of a file do not match their checksum");
      refuse("archive-not-canonical", "a header is not the one that follows from its contents");
    }
    files.set(name, content);
    central.push(centralHeader(header, offset));
    offset += LOCAL_BYTES + name.length + content.length;
  }
  checkNames([...files.keys()]);
  checkOrder([...files.keys()]);
  const directory = concatAll(central);
  const tail = concat(directory, endRecord(central.length, directory.length, offset));
  demand(
    equal(data.subarray(offset), tail),
    "archive-not-canonical",
    "the archive's directory does not follow from its files",
  );
  return files;
}

interface Header {
  readonly name: Bytes;
  readonly crc: number;
  readonly size: number;
}

/** Both ends first: most damage shows there, and gets its own words. */
function checkFrame(view: DataView, limits: ArchiveLimits): void {
  const size = view.byteLength;
  const first = size >= 4 ? view.getUint32(0, true) : 0;
  if (first !== LOCAL_MARK && first !== END_MARK) {
    refuse("not-an-archive", "the file does not begin as an archive does");
  }
  const end = size - END_BYTES;
  if (end < 0 || view.getUint32(end, true) !== END_MARK) {
    refuse("not-an-archive", "the file does not end as an archive does");
  }
  const count = view.getUint16(end + 10, true);
  if (view.getUint16(end + 20, true) !== 0) refuse("archive-refused", "the archive has a comment");
  const locator = end >= 20 ? view.getUint32(end - 20, true) : 0;
  if (count === 0xffff || ZIP64_MARKS.includes(locator)) refuse("archive-refused", "the archive uses ZIP64");
  if (count > limits.files) refuse("limit-exceeded", `the archive holds more than ${limits.files} files`);
}

function readFile(data: Bytes, view: DataView, offset: number): [name: string, content: Bytes] {
  if (offset + LOCAL_BYTES > data.length)
    refuse("not-an-archive", "the archive is cut short inside a header");
  const flags = view.getUint16(offset + 6, true);
  const packed = view.getUint32(offset + 18, true);
  const size = view.getUint32(offset + 22, true);
  const nameSize = view.getUint16(offset + 26, true);
  if (flags & 0x0001) refuse("archive-refused", "the archive holds an encrypted file");
  if (flags & 0x0008) refuse("archive-refused", "the archive uses data descriptors");
  if (view.getUint16(offset + 8, true) !== 0)
    refuse("archive-refused", "the archive holds a compressed file");
  if (packed === ZIP64 || size === ZIP64) refuse("archive-refused", "the archive uses ZIP64");
  if (view.getUint16(offset + 28, true) !== 0) refuse("archive-refused", "the archive uses extra fields");
  if (Math.max(packed, size) > BUNDLE_BYTES_MAX)
    refuse("limit-exceeded", "a file of the archive is too large");
  const start = offset + LOCAL_BYTES;
  if (packed !== size || start + nameSize + size > data.length) {
    refuse("archive-not-canonical", "the archive's sizes do not fit its contents");
  }
  const name = asciiText(data.subarray(start, start + nameSize));
  if (name === null || flags & 0x0800) {
    refuse("archive-name-refused", "the archive holds a file name that is not plain ASCII");
  }
  return [name, data.subarray(start + nameSize, start + nameSize + size)];
}

function localHeader({ name, crc, size }: Header): Bytes {
  const bytes = new Uint8Array(LOCAL_BYTES + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, LOCAL_MARK, true);
  setCommon(view, 4, name, crc, size);
  bytes.set(name, LOCAL_BYTES);
  return bytes;
}

function centralHeader({ name, crc, size }: Header, offset: number): Bytes {
  const bytes = new Uint8Array(46 + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CENTRAL_MARK, true);
  view.setUint16(4, 0x0314, true); // made by 2.0 on UNIX, so that the mode below is understood
  setCommon(view, 6, name, crc, size);
  view.setUint32(38, 0x81a4_0000, true); // a regular file of mode 0644
  view.setUint32(42, offset, true);
  bytes.set(name, 46);
  return bytes;
}

/** What both headers say, from the version needed to the length of the name; all else is zero. */
function setCommon(view: DataView, at: number, name: Bytes, crc: number, size: number): void {
  view.setUint16(at, 10, true);
  view.setUint16(at + 8, 33, true); // 1980-01-01
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, name.length, true);
}

function endRecord(count: number, size: number, offset: number): Bytes {
  const view = new DataView(new ArrayBuffer(END_BYTES));
  view.setUint32(0, END_MARK, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, size, true);
  view.setUint32(16, offset, true);
  return new Uint8Array(view.buffer);
}

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    const allowed =
      name.length <= NAME_BYTES_MAX && name.split("/").every((segment) => SEGMENT.test(segment));
    if (!allowed) refuse("archive-name-refused", "a file name of the archive is not allowed");
  }
  // A folder separator sorts below every character of a segment, so that `a` and `a/b` are neighbours.
  const folded = names.map((name) => name.toLowerCase().replaceAll("/", "\0")).sort();
  folded.slice(1).forEach((second, index) => {
    const first = folded[index] as string;
    if (second === first || second.startsWith(`${first}\0`)) {
      refuse("archive-name-refused", "two file names of the archive clash");
    }
  });
}

function checkOrder(names: readonly string[]): void {
  const first = FIRST_NAMES.filter((name) => names.includes(name));
  const rest = names.filter((name) => !first.includes(name)).sort();
  const inOrder = [...first, ...rest].every((name, index) => name === names[index]);
  if (!inOrder) refuse("archive-not-canonical", "the files of the archive are not in their order");
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

function crc32(data: Bytes): number {
  let crc = 0xffff_ffff;
  for (const byte of data) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffff_ffff) >>> 0;
}
