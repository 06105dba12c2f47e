import { beforeEach, describe, expect, test } from "vitest";
import { Live, type LiveMessage } from "./live";

class FakeSocket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: string[] = [];
  send(text: string) {
    this.sent.push(text);
  }
  close() {}
}

let sockets: FakeSocket[] = [];
let waits: number[] = [];
let checks = 0;
let pending: (() => void)[] = [];

function connected(): { live: Live; socket: () => FakeSocket } {
  const live = new Live({
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    wait: (run, ms) => {
      waits.push(ms);
      pending.push(run);
      return 0;
    },
    random: () => 1,
    check: () => (checks += 1),
  });
  live.begin("0a1b2c3d");
  return { live, socket: () => sockets.at(-1) as FakeSocket };
}

beforeEach(() => {
  [sockets, waits, checks, pending] = [[], [], 0, []];
});

describe("messages", () => {
  test("reach those who listen to the topic, or to what is above it", () => {
    const { live, socket } = connected();
    const heard: string[] = [];
    live.on("visit/v1", () => heard.push("one"));
    live.on("visit/*", () => heard.push("all"));
    const off = live.on("visit/v2", () => heard.push("other"));
    off();
    socket().onmessage?.({ data: JSON.stringify({ topic: "visit/v1" }) });
    socket().onmessage?.({ data: JSON.stringify({ topic: "visit/v2" }) });
    expect(heard).toEqual(["one", "all", "all"]);
  });

  test("that are none are passed over", () => {
    const { live, socket } = connected();
    const heard: LiveMessage[] = [];
    live.on("x", (message) => heard.push(message));
    for (const data of ["", "{", "[]", "null", '"x"', '{"topic":1}', new ArrayBuffer(1)])
      socket().onmessage?.({ data });
    expect(heard).toEqual([]);
  });

  test("are not sent, and it is said, while there is no connection", () => {
    const { live, socket } = connected();
    expect(live.send({ topic: "a" })).toBe(false);
    socket().onopen?.();
    expect(live.send({ topic: "a" })).toBe(true);
  });
});

describe("a broken line", () => {
  test("is tried again with growing, bounded waits", () => {
    const { socket } = connected();
    for (let n = 0; n < 8; n += 1) {
      socket().onclose?.({ code: 1006 });
      pending.shift()?.();
    }
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(Math.max(...waits)).toBe(15_000);
    expect(checks).toBe(8);
  });

  test("asks for the followed topics again once it is back", () => {
    const { live, socket } = connected();
    live.follow("audit/all");
    const off = live.follow("gone");
    socket().onopen?.();
    off();
    socket().onclose?.({ code: 1012 });
    pending.shift()?.();
    socket().onopen?.();
    expect(socket().sent.map((text) => JSON.parse(text).to)).toEqual(["audit/all"]);
  });

  test("is not tried again once the session is over or closed", () => {
    const { live, socket } = connected();
    socket().onopen?.();
    socket().onclose?.({ code: 4401 });
    expect(waits).toEqual([]);
    live.begin("ffffffff");
    const old = socket();
    live.begin(null);
    old.onclose?.({ code: 1006 });
    expect(waits).toEqual([]);
  });
});
