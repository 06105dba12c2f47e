import { describe, expect, it, test } from "vitest";
import { type Bytes, concat, equal, fromHex, randomBytes, utf8 } from "./bytes";
import { ChunkReader } from "./chunk_reader";
import {
  BATCH_CHUNKS,
  CHUNK,
  ciphertextSize,
  decryptAll,
  decryptStream,
  encryptAll,
  encryptStream,
  HEADER,
  plaintextSize,
  SEALED_CHUNK,
} from "./chunked";
import { formatDigest } from "./digest";
import { codeOf, readVectors } from "./testing/vectors";
import { GrowingTree, leafHash } from "./tree";

interface Vector {
  readonly object: string;
  readonly key: string;
  readonly salt: string;
  readonly size: number;
  readonly digest: string;
  readonly parts: number;
}
const { objects: OBJECTS } = readVectors<{ objects: Vector[] }>("object");
const KEY = randomBytes(32);
const CONTEXT = utf8("a test");
const SECRETS = { key: KEY, context: CONTEXT };
const SIZES = [
  0,
  1,
  CHUNK - 1,
  CHUNK,
  CHUNK + 1,
  BATCH_CHUNKS * CHUNK - 1,
  BATCH_CHUNKS * CHUNK,
  BATCH_CHUNKS * CHUNK + 1,
];

describe("the vectors", () => {
  it.each(OBJECTS)(
    "object of $size bytes has its digest",
    async ({ object, key, salt, size, digest, parts }) => {
      const plain = new Uint8Array(size).map((_, at) => at % 251);
      const secrets = { key: fromHex(key), context: utf8(`telesphor-object/1 ${object}`) };
      const sealed = await through(plain, encryptStream({ ...secrets, salt: fromHex(salt) }));
      const tree = new GrowingTree();
      for (let at = 0, end = HEADER; at < sealed.length; at = end) {
        end = Math.min(end + 256 * SEALED_CHUNK, sealed.length);
        tree.append(await leafHash(sealed.subarray(at, end)));
      }
      expect([tree.size, formatDigest(tree.root())]).toEqual([parts, digest]);
      expect(equal(await through(sealed, decryptStream(secrets)), plain)).toBe(true);
    },
  );
});

test.each(SIZES)("message of %i bytes comes back, whichever way it is sealed and opened", async (size) => {
  const plain = randomBytes(size);
  for (const sealed of [
    await encryptAll(plain, SECRETS),
    await through(plain, encryptStream(SECRETS), 70_001),
  ]) {
    expect(sealed.length).toBe(ciphertextSize(size));
    expect(plaintextSize(sealed.length)).toBe(size);
    expect(equal(await decryptAll(sealed, SECRETS), plain)).toBe(true);
    expect(equal(await through(sealed, decryptStream(SECRETS), 33), plain)).toBe(true);
  }
});

test("same message sealed twice differs", async () => {
  const plain = utf8("once");
  expect(equal(await encryptAll(plain, SECRETS), await encryptAll(plain, SECRETS))).toBe(false);
});

describe("random access", () => {
  test("any span comes back, and the stream of any span", async () => {
    const plain = randomBytes(5 * CHUNK + 77);
    const reader = await readerOf(await encryptAll(plain, SECRETS));
    expect(reader.size).toBe(plain.length);
    for (const [offset, length] of [
      [0, 1],
      [CHUNK - 1, 2],
      [0, plain.length],
      [3 * CHUNK, CHUNK],
      [plain.length - 1, 10],
      [plain.length, 1],
      [2 ** 40, 5],
    ] as const) {
      const part = plain.subarray(offset, offset + length);
      expect(equal(await reader.read(offset, length), part)).toBe(true);
      expect(equal(await gather(reader.stream(offset, offset + length)), part)).toBe(true);
    }
  });

  test("only the chunks that are needed are fetched", async () => {
    const sealed = await encryptAll(randomBytes(20 * CHUNK), SECRETS);
    const asked: [number, number][] = [];
    const reader = await readerOf(sealed, (offset, length) => {
      asked.push([offset, length]);
    });
    asked.length = 0;
    await reader.read(7 * CHUNK + 5, CHUNK);
    expect(asked).toEqual([[HEADER + 7 * SEALED_CHUNK, 2 * SEALED_CHUNK]]);
  });

  test("more than fits in memory is refused", async () => {
    const reader = await readerOf(await encryptAll(randomBytes(10), SECRETS));
    expect(await codeOf(() => reader.read(-1, 1))).toBe("chunked-invalid");
    expect(await codeOf(() => reader.read(0, 0.5))).toBe("chunked-invalid");
  });
});

describe("refusals", () => {
  const plain = randomBytes(3 * CHUNK + 100);
  const cases: [string, string, (sealed: Bytes) => Uint8Array][] = [
    ["flipped byte in the first chunk", "chunk-refused", (sealed) => flipped(sealed, HEADER)],
    ["flipped byte in the last tag", "chunk-refused", (sealed) => flipped(sealed, sealed.length - 1)],
    ["flipped byte in the salt", "chunked-commitment-refused", (sealed) => flipped(sealed, 0)],
    ["flipped byte in the commitment", "chunked-commitment-refused", (sealed) => flipped(sealed, HEADER - 1)],
    ["last chunk taken away", "chunked-truncated", (sealed) => sealed.subarray(0, HEADER + 3 * SEALED_CHUNK)],
    ["cut within the last chunk", "chunk-refused", (sealed) => sealed.subarray(0, sealed.length - 1)],
    ["cut within a tag", "chunked-invalid", (sealed) => sealed.subarray(0, HEADER + 3 * SEALED_CHUNK + 15)],
    [
      "cut to a short chunk in the middle",
      "chunk-refused",
      (sealed) => sealed.subarray(0, HEADER + SEALED_CHUNK + 500),
    ],
    ["lengthened", "chunk-refused", (sealed) => concat(sealed, new Uint8Array(1))],
    ["no whole header", "chunked-invalid", (sealed) => sealed.subarray(0, HEADER - 1)],
    ["header alone", "chunked-truncated", (sealed) => sealed.subarray(0, HEADER)],
    ["chunks swapped", "chunk-refused", (sealed) => swapped(sealed)],
    [
      "last chunk of another place",
      "chunk-refused",
      (sealed) =>
        concat(sealed.subarray(0, HEADER + SEALED_CHUNK), sealed.subarray(HEADER + 3 * SEALED_CHUNK)),
    ],
  ];

  it.each(cases)("%s", async (_name, code, change) => {
    const sealed = new Uint8Array(change(await encryptAll(plain, SECRETS)));
    expect(await codeOf(() => decryptAll(sealed, SECRETS))).toBe(code);
    expect(await codeOf(() => through(sealed, decryptStream(SECRETS), 999))).toBe(code);
    const reading = async () => {
      const reader = await readerOf(sealed);
      await gather(reader.stream());
    };
    expect(await codeOf(reading)).toBe(code);
  });

  test("cut message cannot be opened for random access at all", async () => {
    const sealed = await encryptAll(plain, SECRETS);
    expect(await codeOf(() => readerOf(sealed.slice(0, sealed.length - 1)))).toBe("chunk-refused");
  });

  test("another key or context", async () => {
    const sealed = await encryptAll(plain, SECRETS);
    expect(await codeOf(() => decryptAll(sealed, { key: randomBytes(32), context: CONTEXT }))).toBe(
      "chunked-commitment-refused",
    );
    expect(await codeOf(() => decryptAll(sealed, { key: KEY, context: utf8("b") }))).toBe(
      "chunked-commitment-refused",
    );
    expect(await codeOf(() => decryptAll(sealed, { key: KEY.subarray(1), context: CONTEXT }))).toBe(
      "chunked-invalid",
    );
  });

  test("source that gives fewer bytes than asked", async () => {
    const sealed = await encryptAll(plain, SECRETS);
    const short = {
      readAt: async (offset: number, length: number) => sealed.subarray(offset, offset + length - 1),
      ciphertextSize: sealed.length,
    };
    expect(await codeOf(() => ChunkReader.open({ ...short, ...SECRETS }))).toBe("chunked-truncated");
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 60])("message of %d bytes", async (size) => {
    expect(await codeOf(() => ciphertextSize(size))).toBe("chunked-invalid");
  });
});

function readerOf(
  sealed: Bytes,
  told: (offset: number, length: number) => void = () => {},
): Promise<ChunkReader> {
  const readAt = async (offset: number, length: number) => {
    told(offset, length);
    return sealed.subarray(offset, offset + length);
  };
  return ChunkReader.open({ readAt, ciphertextSize: sealed.length, ...SECRETS });
}

function flipped(data: Bytes, at: number): Bytes {
  const changed = new Uint8Array(data);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

function swapped(sealed: Bytes): Bytes {
  const [first, second] = [HEADER, HEADER + SEALED_CHUNK];
  return concat(
    sealed.subarray(0, first),
    sealed.subarray(second, second + SEALED_CHUNK),
    sealed.subarray(first, second),
    sealed.subarray(second + SEALED_CHUNK),
  );
}

async function through(
  data: Bytes,
  transform: TransformStream<Uint8Array, Bytes>,
  step = 1 << 20,
): Promise<Bytes> {
  let at = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at < data.length) controller.enqueue(data.subarray(at, at + step));
      else controller.close();
      at += step;
    },
  });
  return gather(source.pipeThrough(transform));
}

async function gather(stream: ReadableStream<Uint8Array>): Promise<Bytes> {
  return new Uint8Array(await new Response(stream as ReadableStream<Bytes>).arrayBuffer());
}
