import { beforeAll, describe, expect, test, vi } from "vitest";
import * as base64url from "../../kernel/base64url";
import type { JsonObject } from "../../kernel/canonical";
import { generateSigningKey, type SigningKey } from "../../kernel/keypair";
import { generateRecipientKey, type RecipientKey } from "../../kernel/recipient";
import { Epochs, type FrameKeys } from "./epochs";
import { makeKeyMessage, openKeyMessage } from "./message";
import { kidOf, readRoster, readState, type Place, type Roster } from "./roster";

const VISIT = "0198c000-0000-7000-8000-000000000001";

interface Cast {
  readonly actor: string;
  readonly signingKey: SigningKey;
  readonly kemKey: RecipientKey;
  readonly place: Place;
}

let cast: Cast[] = [];

beforeAll(async () => {
  cast = await Promise.all(["alice", "bob", "carol"].map(make));
});

async function make(actor: string): Promise<Cast> {
  const [signingKey, kemKey] = await Promise.all([generateSigningKey(), generateRecipientKey()]);
  const kem = base64url.encode(kemKey.public.bytes);
  const place = {
    actor,
    role: "patient",
    tab: `${actor}-tab`,
    keys: signingKey.public.jwks(),
    kem,
    state: readState(null),
  };
  return { actor, signingKey, kemKey, place };
}

const rosterOf = (epoch: number, people: readonly Cast[]): Roster => ({
  epoch,
  you: "",
  places: people.map(({ place }) => place),
  ice: [],
  relayOnly: false,
});

/** What the frame worker would hold: `kid` → secret. */
class Held implements FrameKeys {
  sending: { kid: number; secret: string } | null = null;
  readonly stops: number[] = [];
  readonly receiving = new Map<number, string>();

  sendUnder(secret: Uint8Array, kid: number) {
    this.sending = { kid, secret: base64url.encode(secret) };
    return Promise.resolve();
  }
  stopSending() {
    this.stops.push(this.sending?.kid ?? 0);
    this.sending = null;
    return Promise.resolve();
  }
  receiveUnder(secret: Uint8Array, { kid }: { kid: number }) {
    this.receiving.set(kid, base64url.encode(secret));
    return Promise.resolve();
  }
  enterEpoch() {
    return Promise.resolve();
  }
}

class Person {
  readonly held = new Held();
  readonly words: JsonObject[] = [];
  readonly faults: unknown[] = [];
  readonly sent: { kind: string; epoch: number; body: string }[] = [];
  ready = false;
  readonly epochs: Epochs;

  constructor(readonly cast: Cast) {
    this.epochs = new Epochs({
      visit: VISIT,
      me: cast.actor,
      wallet: cast,
      frames: this.held,
      send: (message) => {
        this.sent.push(message as Person["sent"][number]);
        return true;
      },
      onWord: (_, word) => this.words.push(word),
      onReady: (_, ready) => (this.ready = ready),
      onFault: (_, error) => this.faults.push(error),
    });
  }
}

/** Hand over what was sent since last time, as the relay does. */
async function relay(people: readonly Person[]): Promise<void> {
  for (const from of people) {
    for (const { kind, epoch, body } of from.sent.splice(0)) {
      for (const to of people) {
        if (to === from) continue;
        if (kind === "key") await to.epochs.take(from.cast.actor, epoch, body);
        if (kind === "sealed") await to.epochs.hear(from.cast.actor, epoch, body);
      }
    }
  }
}

async function enter(epoch: number, people: readonly Person[]): Promise<Roster> {
  const roster = rosterOf(
    epoch,
    people.map((person) => person.cast),
  );
  await Promise.all(people.map((person) => person.epochs.enter(roster)));
  await relay(people);
  return roster;
}

describe("the epochs of a room", () => {
  test("everybody gets everybody's key, and no two places share a key id", async () => {
    const people = cast.map((one) => new Person(one));
    const roster = await enter(1_000, people);
    expect(people.every((person) => person.ready)).toBe(true);
    const [alice, bob] = people as [Person, Person, Person];
    expect(bob.held.receiving.get(kidOf(roster, "alice"))).toBe(alice.held.sending?.secret);
    expect(new Set(people.map((person) => person.held.sending?.kid)).size).toBe(3);
    for (const person of people) await person.epochs.end();
  });

  test("whoever leaves while a key is made seals nothing under it, and goes on asking for nothing", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const [alice] = cast.map((one) => new Person(one)) as [Person, Person, Person];
      const entering = alice.epochs.enter(rosterOf(1_000, cast));
      await alice.epochs.end();
      await entering;
      expect(alice.held.sending).toBeNull();
      expect(await alice.epochs.say({ type: "chat" })).toBe(false);
      expect(vi.getTimerCount()).toBe(0);
      expect(alice.sent).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("whoever is gone gets no key that follows, and nothing is sealed under the old one meanwhile", async () => {
    const people = cast.map((one) => new Person(one));
    const [alice, bob, carol] = people as [Person, Person, Person];
    await enter(1_000, people);
    const before = alice.held.sending;
    const message = await enter(1_001, [alice, bob]).then(() => alice.held.sending);
    expect(alice.held.stops).toEqual([before?.kid]);
    expect(message?.secret).not.toBe(before?.secret);
    expect([...carol.held.receiving.values()]).not.toContain(message?.secret);
    for (const person of people) await person.epochs.end();
  });

  test("words open for the others, also when they come before the key", async () => {
    const [alice, bob] = cast.slice(0, 2).map((one) => new Person(one)) as [Person, Person];
    const roster = rosterOf(7, [alice.cast, bob.cast]);
    await Promise.all([alice.epochs.enter(roster), bob.epochs.enter(roster)]);
    expect(await alice.epochs.say({ type: "chat", text: "<i>hello</i>" })).toBe(true);
    const [key, word] = alice.sent;
    expect(word?.body).not.toContain("hello");
    await bob.epochs.hear("alice", 7, word?.body ?? "");
    expect(bob.words).toEqual([]);
    await bob.epochs.take("alice", 7, key?.body ?? "");
    expect(bob.words).toEqual([{ type: "chat", text: "<i>hello</i>" }]);
    await bob.epochs.hear("carol", 7, word?.body ?? "");
    expect(bob.words).toHaveLength(1);
    for (const person of [alice, bob]) await person.epochs.end();
  });

  test("a key is taken once, and its repetition changes nothing", async () => {
    const [alice, bob] = cast.slice(0, 2).map((one) => new Person(one)) as [Person, Person];
    await enter(7, [alice, bob]);
    const held = [...bob.held.receiving];
    const other = await makeKeyMessage(
      new Uint8Array(32),
      place(rosterOf(7, [alice.cast, bob.cast]), alice.cast),
      alice.cast.signingKey,
    );
    await bob.epochs.take("alice", 7, other);
    expect([...bob.held.receiving]).toEqual(held);
    for (const person of [alice, bob]) await person.epochs.end();
  });
});

const place = (roster: Roster, sender: Cast) => ({ visit: VISIT, roster, sender: sender.place });

describe("a key message", () => {
  const secret = new Uint8Array(32).fill(9);

  test("opens for a participant", async () => {
    const [alice, bob] = cast as [Cast, Cast, Cast];
    const roster = rosterOf(7, [alice, bob]);
    const message = await makeKeyMessage(secret, place(roster, alice), alice.signingKey);
    expect(await openKeyMessage(message, place(roster, alice), bob.kemKey)).toEqual(secret);
    expect(message.length).toBeLessThan(60_000);
  });

  test("is refused for another roster, epoch, sender, signer or reader", async () => {
    const [alice, bob, carol] = cast as [Cast, Cast, Cast];
    const roster = rosterOf(7, [alice, bob]);
    const message = await makeKeyMessage(secret, place(roster, alice), alice.signingKey);
    const refused = { code: "key-refused" };
    const open = (at: ReturnType<typeof place>, reader = bob) => openKeyMessage(message, at, reader.kemKey);
    await expect(open(place(rosterOf(7, [alice, bob, carol]), alice))).rejects.toMatchObject(refused);
    await expect(open(place(rosterOf(8, [alice, bob]), alice))).rejects.toMatchObject(refused);
    await expect(open({ ...place(roster, alice), visit: VISIT.replace("1", "2") })).rejects.toMatchObject(
      refused,
    );
    await expect(open(place(roster, bob))).rejects.toMatchObject(refused);
    await expect(open(place(roster, alice), carol)).rejects.toMatchObject(refused);
    const forged = await makeKeyMessage(secret, place(roster, alice), carol.signingKey);
    await expect(openKeyMessage(forged, place(roster, alice), bob.kemKey)).rejects.toMatchObject(refused);
  });
});

describe("a roster", () => {
  test.each([
    [
      "seven people",
      {
        epoch: 1,
        you: "a",
        roster: Array.from({ length: 7 }, (_, at) => ({ actor: `${at}`, role: "", tab: "", kem: "" })),
      },
    ],
    [
      "somebody twice",
      { epoch: 1, you: "a", roster: [1, 2].map(() => ({ actor: "a", role: "", tab: "", kem: "" })) },
    ],
    ["an epoch that is none", { epoch: 0.5, you: "a", roster: [] }],
    ["a place without a key", { epoch: 1, you: "a", roster: [{ actor: "a", role: "", tab: "" }] }],
  ])("with %s is refused", (_, message) => {
    expect(() => readRoster(message)).toThrow(expect.objectContaining({ code: "roster-malformed" }));
  });
});
