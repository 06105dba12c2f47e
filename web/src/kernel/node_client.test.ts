import { beforeEach, describe, expect, test } from "vitest";
import { equal, randomBytes, toHex, utf8 } from "./bytes";
import { BREAKS_MAX } from "./patience";
import { type Bytes } from "./bytes";
import { ClientRefused, NodeUnreachable } from "./client_errors";
import { ANSWER_BYTES_MAX } from "./http";
import { ObjectReader } from "./object_reader";
import { ObjectWriter, PART_BYTES, putObject } from "./object_writer";
import { FakeNode, FakeObject, OBJECT, problem, receipt, textOf } from "./testing/fake_node";
import { codeOf } from "./testing/vectors";

const COMMAND = { type: "visit.wait/1", body: { visit: OBJECT } };
const DIGEST = `sha256:${"0".repeat(64)}`;

let node: FakeNode;
beforeEach(async () => {
  node = await FakeNode.make();
});

describe("commands", () => {
  test("busy node is asked again with the same signed bytes", async () => {
    node.onCommand = (_, attempt) => (attempt < 4 ? problem(503, "queue-full") : receipt(null));
    expect((await node.client.send(COMMAND)).results).toEqual([null]);
    const bodies = await Promise.all(
      node.asked.map(async (request) => toHex(new Uint8Array(await request.arrayBuffer()))),
    );
    expect(bodies.length).toBe(4);
    expect(new Set(bodies).size).toBe(1);
    expect(node.slept).toEqual([200, 400, 800]);
  });

  test("node that stays busy is given up", async () => {
    node.onCommand = () => problem(503, "edge-full");
    expect(await codeOf(() => node.client.send(COMMAND))).toBe("edge-full");
    expect(node.asked.length).toBe(5);
  });

  test("broken line leaves the signed bytes to be sent again", async () => {
    node.onCommand = () => Promise.reject(new TypeError("Failed to fetch"));
    const error = await node.client.send(COMMAND).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NodeUnreachable);
    const sent = new Uint8Array((await node.asked[0]?.arrayBuffer()) ?? new ArrayBuffer(0));
    expect(equal((error as NodeUnreachable).request as Bytes, sent)).toBe(true);
  });

  test("refusal says the node's code, message and kind", async () => {
    node.onCommand = () => problem(410, "invitation-expired");
    const error = (await node.client.send(COMMAND).catch((thrown: unknown) => thrown)) as ClientRefused;
    expect([error.code, error.kind, error.status, error.message]).toEqual([
      "invitation-expired",
      "gone",
      410,
      "refused: invitation-expired",
    ]);
  });

  test("clock is set by the node once, and not again and again", async () => {
    const date = new Date(1_790_000_000_000 + 3_600_000).toUTCString();
    node.onCommand = () => problem(400, "request-expired", { date });
    expect(await codeOf(() => node.client.send(COMMAND))).toBe("request-expired");
    expect(node.asked.length).toBe(2);
    expect(Math.abs(node.client.clock.nowMs() - 1_790_000_000_000 - 3_600_000)).toBeLessThan(1000);
  });

  test.each<[string, () => Response, string]>([
    ["page of a server in between", () => new Response("<h1>Bad gateway</h1>", { status: 502 }), "http-502"],
    ["answer that is no JSON", () => new Response("ok"), "answer-refused"],
    ["answer that is no receipt", () => Response.json({ at: 1, entries: [], results: [] }), "answer-refused"],
    ["answer that is null", () => Response.json(null), "answer-refused"],
    ["answer without end", () => new Response(new Uint8Array(ANSWER_BYTES_MAX + 1)), "answer-refused"],
    ["problem without end", () => new Response(new Uint8Array(70_000), { status: 400 }), "answer-refused"],
  ])("%s is refused", async (_name, answer, code) => {
    node.onCommand = answer;
    expect(await codeOf(() => node.client.send(COMMAND))).toBe(code);
  });

  test("no cookie goes with a command, and no redirection is followed", async () => {
    await node.client.send(COMMAND);
    const [request] = node.asked;
    expect([request?.credentials, request?.redirect, request?.cache]).toEqual(["omit", "error", "no-store"]);
  });

  test("path that would be part of another host's name is not asked", async () => {
    expect(await codeOf(() => node.client.get("@other.example/"))).toBe("answer-refused");
    expect(node.asked).toEqual([]);
  });

  test("nothing, and too much at once, is not signed", async () => {
    expect(await codeOf(() => node.client.send())).toBe("limit-exceeded");
    const large = { ...COMMAND, body: { text: "x".repeat(1024 * 1024) } };
    expect(await codeOf(() => node.client.send(large))).toBe("limit-exceeded");
    expect(node.asked).toEqual([]);
  });
});

describe("uploads", () => {
  const about = { mediaType: "video/webm" };

  test("node that keeps nothing is given up", async () => {
    node.onTransfer = () => new Response(null, { status: 204, headers: { "upload-offset": "0" } });
    const writer = await ObjectWriter.begin(node.client, about);
    expect(await codeOf(() => writer.write(new Uint8Array(PART_BYTES)))).toBe("transfer-failed");
    expect(node.slept.length).toBe(BREAKS_MAX);
    expect(node.slept.reduce((sum, ms) => sum + ms)).toBeGreaterThan(60_000);
  });

  test("node that lost what it had kept of a growing object is found out", async () => {
    const offsets = [PART_BYTES, 0];
    node.onTransfer = () =>
      new Response(null, { status: 204, headers: { "upload-offset": String(offsets.shift()) } });
    const writer = await ObjectWriter.begin(node.client, about);
    await writer.write(new Uint8Array(PART_BYTES));
    expect([writer.kept, writer.written]).toEqual([PART_BYTES, PART_BYTES]);
    expect(await codeOf(() => writer.write(new Uint8Array(PART_BYTES)))).toBe("transfer-failed");
  });

  test("pieces are kept in the order in which they were written, and a failure is every later call's", async () => {
    const parts: Uint8Array[] = [];
    node.onTransfer = async (request) => {
      const part = new Uint8Array(await request.arrayBuffer());
      parts.push(part);
      if (parts.length === 2) return problem(410, "object-erased");
      const kept = Number(request.headers.get("upload-offset")) + part.length;
      return new Response(null, { status: 204, headers: { "upload-offset": String(kept) } });
    };
    const writer = await ObjectWriter.begin(node.client, about);
    const half = PART_BYTES / 2;
    const writes = [1, 2, 3, 4].map((byte) => codeOf(() => writer.write(new Uint8Array(half).fill(byte))));
    expect(await Promise.all(writes)).toEqual(["", "", "", "object-erased"]);
    expect(parts.map((part) => [part[0], part[half]])).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await codeOf(() => writer.write(new Uint8Array(1)))).toBe("object-erased");
    expect(await codeOf(() => writer.finish())).toBe("object-erased");
  });

  test("file is sent from its beginning when the node begins anew", async () => {
    const offsets: string[] = [];
    const stored = { size: PART_BYTES + 1, digest: DIGEST, parts: 2 };
    node.onTransfer = (request) => {
      const offset = request.headers.get("upload-offset") ?? "";
      if (request.method === "HEAD")
        return new Response(null, { status: 204, headers: { "upload-offset": "0" } });
      offsets.push(offset);
      if (offsets.length === 2) return problem(409, "upload-offset-refused");
      if (offset !== "0") return Response.json(stored);
      return new Response(null, { status: 204, headers: { "upload-offset": String(PART_BYTES) } });
    };
    const sealed = await putObject(node.client, new Blob([new Uint8Array(PART_BYTES + 1)]), about);
    expect(sealed.size).toBe(PART_BYTES + 1);
    expect(offsets).toEqual(["0", String(PART_BYTES), "0", String(PART_BYTES)]);
  });

  test.each<[string, () => Response, string]>([
    ["another size", () => Response.json({ size: 4, digest: DIGEST, parts: 1 }), "answer-refused"],
    ["no digest", () => Response.json({ size: 3, parts: 1 }), "invalid-digest"],
    ["no answer", () => new Response("stored"), "answer-refused"],
    ["refusal", () => problem(410, "object-erased"), "object-erased"],
    ["damage", () => problem(500, "internal"), "internal"],
  ])("%s ends an upload", async (_name, answer, code) => {
    node.onTransfer = answer;
    expect(await codeOf(() => putObject(node.client, new Blob([utf8("abc")]), about))).toBe(code);
    expect(node.slept).toEqual([]);
  });

  test("upload that is called off ends at once", async () => {
    const caller = new AbortController();
    node.onTransfer = () => {
      caller.abort(new DOMException("called off", "AbortError"));
      return Promise.reject(new TypeError("aborted"));
    };
    const upload = putObject(node.client, new Blob([utf8("abc")]), { ...about, signal: caller.signal });
    await expect(upload).rejects.toThrow("called off");
    expect(node.slept).toEqual([]);
  });
});

describe("reads", () => {
  const open = () => ObjectReader.open(node.client, OBJECT, { purpose: "treatment" });

  test("object is opened here, and its digest compared", async () => {
    await FakeObject.make(node, utf8("<script>1</script>"));
    const reader = await open();
    const blob = await reader.blob(100);
    expect([await textOf(blob), blob.type]).toEqual(["<script>1</script>", "application/octet-stream"]);
    await reader.checkDigest();
    expect(await codeOf(() => reader.blob(17))).toBe("limit-exceeded");
  });

  test("altered byte is refused wherever it is", async () => {
    const object = await FakeObject.make(node, randomBytes(40_000));
    const reader = await open();
    object.sealed[30_000] = (object.sealed[30_000] ?? 0) ^ 1;
    expect(await codeOf(() => reader.read(20_000, 100))).toBe("chunk-refused");
    expect(await codeOf(() => reader.checkDigest())).toBe("object-differs");
    expect((await reader.read(0, 100)).length).toBe(100);
  });

  test.each<[string, (object: FakeObject) => void, string]>([
    ["wrap of nothing", (object) => (object.wrap = object.wrap.replace(/^..../, "AAAA")), "seal-refused"],
    ["wrap that is no base64", (object) => (object.wrap = "?"), "not-base64"],
    ["cut ciphertext", (object) => (object.sealed = object.sealed.slice(0, -1)), "transfer-failed"],
    ["digest of another kind", (object) => (object.digest = "md5:0"), "invalid-digest"],
    ["altered header", (object) => object.sealed.fill(0, 0, 3), "chunked-commitment-refused"],
  ])("%s is refused", async (_name, change, code) => {
    change(await FakeObject.make(node, randomBytes(20_000)));
    expect(await codeOf(open)).toBe(code);
  });

  test("whole object where a range was asked for is refused", async () => {
    const object = await FakeObject.make(node, randomBytes(100));
    node.onTransfer = () => new Response(object.sealed);
    expect(await codeOf(open)).toBe("answer-refused");
  });

  test("size that is not that of the ciphertext is refused", async () => {
    const object = await FakeObject.make(node, randomBytes(100));
    node.onCommand = () => receipt({ ...object.granted, size: 99 });
    expect(await codeOf(open)).toBe("chunk-refused");
  });

  test("receipt without a wrap is refused", async () => {
    node.onCommand = () => receipt({ ticket: "t", size: 1 });
    expect(await codeOf(open)).toBe("answer-refused");
  });

  test("ticket that has ended is asked for anew", async () => {
    const object = await FakeObject.make(node, randomBytes(100));
    const reader = await open();
    const [before, ended] = [node.asked.length, 3];
    let refused = 0;
    node.onTransfer = (request) =>
      refused++ < ended ? problem(401, "ticket-refused") : object.serve(request);
    const spans = await Promise.all(Array.from({ length: ended }, () => reader.read(0, 100)));
    expect(spans.map(({ length }) => length)).toEqual([100, 100, 100]);
    // Three reads that were refused at once, one question for all of them, three reads.
    expect(node.asked.length - before).toBe(ended + 1 + ended);
    node.onTransfer = () => problem(403, "access-ended");
    expect(await codeOf(() => reader.read(0, 1))).toBe("access-ended");
  });
});
