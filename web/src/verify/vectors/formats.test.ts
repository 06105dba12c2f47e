/** The vectors of each format (`tests/vectors/*.json`): good ones are read as they say, bad ones refused with their code. */

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import type { Bytes } from "../bytes";
import { fromBase64, fromHex, hex, utf8 } from "../bytes";
import { readCard } from "../card";
import type { Anchor, HeaderPin } from "../chains/anchor";
import { headerPin } from "../chains/anchor";
import { verifyBitcoinAnchor } from "../chains/bitcoin";
import { verifyEthereumAnchor } from "../chains/ethereum";
import { cosignerKeys, openCheckpoint, openNote, verifyCosignature } from "../checkpoint";
import { checkOpening } from "../disclose";
import { parseEntry } from "../entry";
import type { Json } from "../json";
import { readJson, writeJson } from "../json";
import { readJws, verifyJws } from "../jws";
import { keyFromJwks } from "../keypair";
import { parseLevels } from "../level-policy";
import { judgeLevels } from "../levels";
import { parseNote, parseVkey } from "../note";
import { checkQuorum, parsePolicy } from "../quorum";
import { Refusal } from "../refusal";
import { leafHash, rootOf, verifyInclusion } from "../tree";

interface Vector {
  readonly name: string;
  readonly code: string;
}

/** Members differ by file; each test names the ones that it reads. */
function load<T>(file: string): T {
  return JSON.parse(
    readFileSync(new URL(`../../../../tests/vectors/${file}.json`, import.meta.url), "utf8"),
  ) as T;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return "accepted";
}

/** What differs from what the vectors say: nothing. */
function differences<V extends { name?: string }>(
  vectors: readonly V[],
  found: (vector: V) => string,
  said: (vector: V) => string,
) {
  expect(vectors.length).toBeGreaterThan(0);
  return vectors
    .map((vector) => `${vector.name}: ${found(vector)}`)
    .filter((line, at) => line !== `${vectors[at]?.name}: ${said(vectors[at] as V)}`);
}

describe("canonical JSON", () => {
  type Spelt = { name: string; value: Json; hex?: string; repeat?: string; times?: number };
  const file = load<{ good: Spelt[]; bad: Spelt[] }>("canonical");
  const bytesOf = ({ hex: digits, repeat, times }: Spelt) =>
    fromHex(digits ?? (repeat ?? "").repeat(times ?? 0));

  test("is read and written", () => {
    for (const vector of file.good) {
      const data = bytesOf(vector);
      expect(writeJson(readJson(data, data.length)), vector.name).toEqual(data);
      expect(readJson(data, data.length), vector.name).toEqual(vector.value);
    }
  });

  test("is refused in any other spelling", () => {
    const refused = ["not-canonical", "limit-exceeded"];
    for (const vector of file.bad) {
      const data = bytesOf(vector);
      expect(refused, vector.name).toContain(codeOf(() => readJson(data, data.length)));
    }
  });
});

describe("the tree", () => {
  type Proof = { leaf: string; index: number; size: number; path: string[]; root: string; fault?: string };
  const file = load<{
    leaves: string[];
    leaf_hashes: string[];
    roots: string[];
    inclusion: { good: Proof[]; bad: Proof[] };
  }>("tree");
  const verify = ({ leaf, index, size, path, root }: Proof) =>
    verifyInclusion({
      leaf: fromHex(leaf),
      index: BigInt(index),
      size: BigInt(size),
      path: path.map(fromHex),
      root: fromHex(root),
    });

  test("has the roots of its leaves", () => {
    const leaves = file.leaves.map((leaf) => leafHash(fromHex(leaf)));
    expect(leaves.map(hex)).toEqual(file.leaf_hashes);
    expect(file.roots.map((_, size) => hex(rootOf(leaves.slice(0, size))))).toEqual(file.roots);
  });

  test("accepts what stands in it, and nothing else", () => {
    for (const proof of file.inclusion.good) expect(codeOf(() => verify(proof))).toBe("accepted");
    for (const proof of file.inclusion.bad)
      expect(
        codeOf(() => verify(proof)),
        proof.fault,
      ).toBe("inclusion-refused");
  });
});

test("entries", () => {
  type Spelt = Vector & { text: string; fill?: number; leaf_hash: string };
  const file = load<{ good: Spelt[]; bad: Spelt[] }>("entry");
  const bytesOf = ({ text, fill }: Spelt) =>
    utf8(fill === undefined ? text : text.replace("%", "a".repeat(fill)));
  for (const vector of file.good) {
    parseEntry(bytesOf(vector));
    expect(hex(leafHash(bytesOf(vector)))).toBe(vector.leaf_hash);
  }
  expect(
    differences(
      file.bad,
      (vector) => codeOf(() => parseEntry(bytesOf(vector))),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("notes", () => {
  type Signed = Vector & { vkeys: string[]; note: string; text: string };
  const file = load<{ good: Signed[]; bad: Signed[] }>("note");
  const open = ({ vkeys, note }: Signed) => openNote(fromBase64(note), vkeys.map(parseVkey));
  for (const vector of file.good) expect(open(vector).text, vector.name).toBe(vector.text);
  expect(
    differences(
      file.bad,
      (vector) => codeOf(() => open(vector)),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("checkpoints", () => {
  type Signed = Vector & {
    origin: string;
    vkeys: string[];
    note: string;
    size: number;
    root: string;
    time_seconds: number;
  };
  const file = load<{ good: Signed[]; bad: Signed[] }>("checkpoint");
  const open = ({ note, origin, vkeys }: Signed) => openCheckpoint(utf8(note), origin, vkeys);
  for (const vector of file.good) {
    const { checkpoint, timeSeconds } = open(vector);
    expect([Number(checkpoint.size), hex(checkpoint.root), Number(timeSeconds)]).toEqual([
      vector.size,
      vector.root,
      vector.time_seconds,
    ]);
  }
  expect(
    differences(
      file.bad,
      (vector) => codeOf(() => open(vector)),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("cosignatures", () => {
  type Signed = Vector & { vkeys: string[]; note: string; time_seconds: number };
  const file = load<{ good: Signed[]; bad: Signed[] }>("cosignature");
  const verify = ({ note, vkeys }: Signed) => verifyCosignature(parseNote(utf8(note)), cosignerKeys(vkeys));
  for (const vector of file.good) expect(Number(verify(vector)), vector.name).toBe(vector.time_seconds);
  expect(
    differences(
      file.bad,
      (vector) => codeOf(() => verify(vector)),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("cards", () => {
  type Signed = Vector & { card: string; id: string; fields: { organisation: string; vkeys: string[] } };
  const file = load<{ good: Signed[]; bad: Signed[] }>("card");
  for (const { card, id, fields } of file.good) {
    const read = readCard(utf8(card));
    expect([read.id, read.organisation, read.vkeys]).toEqual([id, fields.organisation, fields.vkeys]);
  }
  expect(
    differences(
      file.bad,
      ({ card }) => codeOf(() => readCard(utf8(card))),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("trust policies", () => {
  type Written = Vector & { policy: string; quorum: string; met_by: string[][]; not_met_by: string[][] };
  const file = load<{ good: Written[]; bad: Written[] }>("policy");
  for (const vector of file.good) {
    const policy = parsePolicy(utf8(vector.policy));
    const judge = (names: string[]) =>
      codeOf(() =>
        checkQuorum(
          policy,
          names.map((name) => policy.witnesses.get(name)).filter((key) => key !== undefined),
        ),
      );
    expect(policy.quorum).toBe(vector.quorum);
    expect(
      vector.met_by.map(judge).filter((code) => code !== "accepted"),
      vector.name,
    ).toEqual([]);
    expect(
      vector.not_met_by.map(judge).filter((code) => code !== "quorum-not-met"),
      vector.name,
    ).toEqual([]);
  }
  expect(
    differences(
      file.bad,
      ({ policy }) => codeOf(() => parsePolicy(utf8(policy))),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("levels", () => {
  type AnchorSaid = {
    network: string;
    height: number;
    time_seconds: number;
    confirmations: number;
    proves_time: boolean;
    pinned: boolean;
    sentence: string;
  };
  type Judged = Vector & {
    level: number;
    at_seconds: number[];
    policy: string;
    log: string | null;
    log_time_seconds: number;
    cosigned: [string, number][];
    anchors: AnchorSaid[];
  };
  const file = load<{ cards: Record<string, string>; good: Judged[]; bad: Judged[] }>("levels");
  const cardOf = (name: string) => readCard(utf8(file.cards[name] ?? ""));
  const anchorOf = ({ time_seconds: timeSeconds, proves_time: provesTime, ...rest }: AnchorSaid): Anchor => ({
    ...rest,
    timeSeconds,
    provesTime,
  });
  for (const vector of file.good) {
    const judged = judgeLevels(
      {
        log: vector.log === null ? null : cardOf(vector.log),
        logTimeSeconds: vector.log_time_seconds,
        cosigned: vector.cosigned.map(([name, timeSeconds]) => ({ card: cardOf(name), timeSeconds })),
        anchors: vector.anchors.map(anchorOf),
      },
      parseLevels(utf8(vector.policy)),
    );
    expect([judged.level, judged.atSeconds], vector.name).toEqual([vector.level, vector.at_seconds]);
  }
  expect(
    differences(
      file.bad,
      ({ policy }) => codeOf(() => parseLevels(utf8(policy))),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("signed documents", () => {
  type Signed = Vector & { jwks: Json; jws: string; key_id: string; payload: Json; payload_digest: string };
  const file = load<{ good: Signed[]; bad: Signed[] }>("request");
  const verify = ({ jws, jwks }: Signed) => verifyJws(readJws(utf8(jws)), keyFromJwks(jwks));
  for (const vector of file.good) {
    expect(verify(vector)).toEqual(vector.payload);
    expect(readJws(utf8(vector.jws)).digest).toBe(vector.payload_digest);
    expect(keyFromJwks(vector.jwks).keyId).toBe(vector.key_id);
  }
  expect(
    differences(
      file.bad,
      (vector) => codeOf(() => verify(vector)),
      ({ code }) => code,
    ),
  ).toEqual([]);
});

test("commitments", () => {
  type Opened = { name: string; key: string; value: string; commitment: string };
  const file = load<{ good: Opened[]; bad: Opened[] }>("commitment");
  const open = ({ key, value, commitment }: Opened) =>
    codeOf(() => checkOpening(commitment, utf8(value), fromHex(key)));
  expect(differences(file.good, open, () => "accepted")).toEqual([]);
  expect(differences(file.bad, open, () => "commitment-refused")).toEqual([]);
});

type PinSaid = { network: string; height: number; hash: string };
const pinsOf = (pins: readonly PinSaid[]): HeaderPin[] =>
  pins.map(({ network, height, hash }) => headerPin(network, height, hash));
type AnchorFound = {
  height: number;
  time_seconds: number;
  confirmations: number;
  pinned: boolean;
  proves_time: boolean;
};
const saidOf = (anchor: Anchor | AnchorFound) => {
  const [time, proves] =
    "timeSeconds" in anchor
      ? [anchor.timeSeconds, anchor.provesTime]
      : [anchor.time_seconds, anchor.proves_time];
  return [anchor.height, anchor.confirmations, anchor.pinned, time, proves];
};

test("anchors in Bitcoin", () => {
  type Proof = AnchorFound & {
    name: string;
    digest: string;
    ots: string;
    headers: string;
    network: string;
    pins: PinSaid[];
    sentence: string;
    refused?: string;
  };
  const { vectors } = load<{ vectors: Proof[] }>("anchor-bitcoin");
  const bytes = (proof: Proof): Record<"digest" | "ots" | "headers", Bytes> => ({
    digest: fromHex(proof.digest),
    ots: fromHex(proof.ots),
    headers: fromHex(proof.headers),
  });
  const verify = (proof: Proof) =>
    verifyBitcoinAnchor({ ...bytes(proof), network: proof.network, pins: pinsOf(proof.pins) });
  expect(
    differences(
      vectors,
      (proof) => codeOf(() => verify(proof)),
      ({ refused }) => refused ?? "accepted",
    ),
  ).toEqual([]);
  for (const proof of vectors.filter(({ refused }) => refused === undefined)) {
    expect([verify(proof).sentence, saidOf(verify(proof))], proof.name).toEqual([
      proof.sentence,
      saidOf(proof),
    ]);
  }
});

test("anchors in Ethereum", () => {
  type Proof = AnchorFound &
    Vector & { network: string; pins: PinSaid[]; proof: Record<string, Json>; set: Record<string, Json> };
  const file = load<{ digest: string; network: string; good: Proof[]; bad: Proof[] }>("anchor-ethereum");
  const verify = (proof: Record<string, Json>, network: string, pins: PinSaid[]) =>
    verifyEthereumAnchor(fromHex(file.digest), writeJson(proof), network, pinsOf(pins));
  for (const { proof, network, pins, ...said } of file.good)
    expect(saidOf(verify(proof, network, pins)), said.name).toEqual(saidOf(said));
  const changed = ({ set, pins }: Proof) =>
    codeOf(() => verify({ ...file.good[0]?.proof, ...set }, file.network, pins));
  expect(differences(file.bad, changed, ({ code }) => code)).toEqual([]);
});
