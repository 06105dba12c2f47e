/**
 * OpenTimestamps files (`docs/spec/anchors.md`): flat paths from a digest to what a chain or a calendar attests.
 *
 * A path is accepted only with operations that keep a commitment binding (append, prepend, SHA-256), and every byte
 * of the file is accounted for. What a path proves is judged in `bitcoin.ts`. Start at `parseTimestampFile`.
 */

import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "../bytes";
import { concat, equal, fromHex, hex } from "../bytes";
import { refuse } from "../refusal";
import { DIGEST_BYTES } from "./anchor";

const MAGIC = fromHex("004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294");
const VERSION = 1;
const APPEND = 0xf0;
const PREPEND = 0xf1;
const SHA256 = 0x08;
const FORK = 0xff;
const ATTESTATION = 0x00;
const BITCOIN_TAG = "0588960d73d71901";
const PENDING_TAG = "83dfe30d2ef90c8e";
const TAG_BYTES = 8;

const FILE_BYTES_MAX = 64 * 1024;
/** Of an argument and of every result on the way; this and the next two are the bounds of python-opentimestamps. */
const MESSAGE_BYTES_MAX = 4096;
const PAYLOAD_BYTES_MAX = 8192;
const URI_BYTES_MAX = 1000;
const STEPS_MAX = 256;
const PATHS_MAX = 64;
const OPERATIONS_MAX = 4096;
const BLOCK_HEIGHT_MAX = 2 ** 31 - 1;
const NUMBER_BYTES_MAX = 5;
const URI = /^[A-Za-z0-9._/:-]+$/;

interface Operation {
  readonly code: number;
  readonly argument: Bytes;
}

export interface TimestampPath {
  readonly operations: readonly Operation[];
  /** Of a Bitcoin attestation: the block whose merkle root the message is said to be. */
  readonly height: number | null;
}

/** The paths of a detached `.ots` file that must be of this digest. */
export function parseTimestampFile(data: Bytes, digest: Bytes): readonly TimestampPath[] {
  if (data.length > FILE_BYTES_MAX) tooLarge(`a timestamp file has at most ${FILE_BYTES_MAX} bytes`);
  const reader = new Reader(data);
  if (!equal(reader.take(MAGIC.length), MAGIC)) malformed("the file is not an OpenTimestamps proof");
  if (reader.number(255) !== VERSION) malformed(`the timestamp file is not of version ${VERSION}`);
  if (reader.byte() !== SHA256) malformed("the timestamp file is not over a SHA-256 digest");
  if (!equal(reader.take(DIGEST_BYTES), digest)) {
    refuse("anchor-of-another-digest", "the timestamp is of another digest than the one asked about");
  }
  return readPaths(reader);
}

/** What a path makes of a digest: the message that is attested (`anchor-too-large`). */
export function followPath(path: TimestampPath, digest: Bytes): Bytes {
  return path.operations.reduce((message, { code, argument }) => {
    if (code === SHA256) return sha256(message);
    if (message.length + argument.length > MESSAGE_BYTES_MAX) {
      tooLarge(`a message on the way has more than ${MESSAGE_BYTES_MAX} bytes`);
    }
    return code === APPEND ? concat(message, argument) : concat(argument, message);
  }, digest);
}

/** Without recursion: a fork remembers how far the path had come. */
function readPaths(reader: Reader): readonly TimestampPath[] {
  const paths: TimestampPath[] = [];
  const forks: Operation[][] = [];
  let operations: Operation[] = [];
  let count = 0;
  for (;;) {
    let code = reader.byte();
    if (code === FORK) {
      // Each fork ends in an attestation of its own, and the path at hand in one more.
      if (paths.length + forks.length + 2 > PATHS_MAX) {
        tooLarge(`a timestamp has at most ${PATHS_MAX} attestations`);
      }
      forks.push([...operations]);
      code = reader.byte();
    }
    if (code !== ATTESTATION) {
      if (operations.length >= STEPS_MAX || ++count > OPERATIONS_MAX) {
        tooLarge(`a path has at most ${STEPS_MAX} operations, a file ${OPERATIONS_MAX}`);
      }
      operations.push(readOperation(code, reader));
      continue;
    }
    paths.push({ operations, height: readAttestation(reader) });
    const fork = forks.pop();
    if (fork === undefined) {
      reader.end();
      return paths;
    }
    operations = fork;
  }
}

function readOperation(code: number, reader: Reader): Operation {
  if (code === SHA256) return { code, argument: new Uint8Array() };
  if (code !== APPEND && code !== PREPEND) malformed("the timestamp uses an operation that is not accepted");
  const argument = reader.sized(MESSAGE_BYTES_MAX);
  if (argument.length === 0) malformed("an operation of the timestamp has an empty argument");
  return { code, argument };
}

function readAttestation(reader: Reader): number | null {
  const tag = hex(reader.take(TAG_BYTES));
  const payload = new Reader(reader.sized(PAYLOAD_BYTES_MAX));
  if (tag === BITCOIN_TAG) {
    const height = payload.number(BLOCK_HEIGHT_MAX);
    payload.end();
    return height;
  }
  if (tag === PENDING_TAG) {
    const uri = payload.sized(URI_BYTES_MAX);
    payload.end();
    if (!URI.test(String.fromCharCode(...uri))) malformed("the URI of a calendar is not one");
  }
  return null;
}

/** A cursor that never reads past the end. */
class Reader {
  private at = 0;

  constructor(private readonly data: Bytes) {}

  take(count: number): Bytes {
    const end = this.at + count;
    if (end > this.data.length) malformed("the timestamp ends too early");
    const taken = this.data.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  /** Seven bits to a byte, the lowest first, in the shortest form. */
  number(largest: number): number {
    let value = 0;
    for (let place = 0; place < NUMBER_BYTES_MAX; place++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * place);
      if ((byte & 0x80) !== 0) continue;
      if (place > 0 && byte === 0) malformed("a number of the timestamp is not written in its shortest form");
      if (value > largest) break;
      return value;
    }
    return tooLarge(`a number of the timestamp is larger than ${largest}`);
  }

  sized(largest: number): Bytes {
    return this.take(this.number(largest));
  }

  end(): void {
    if (this.at !== this.data.length) malformed("the timestamp has bytes after its end");
  }
}

function malformed(message: string): never {
  refuse("anchor-malformed", message);
}

function tooLarge(message: string): never {
  refuse("anchor-too-large", message);
}
