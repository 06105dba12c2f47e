/**
 * Trust policies (C2SP tlog-policy; `docs/spec/levels.md`): accepted logs, witnesses, groups and one quorum.
 *
 * INVARIANT: a name counts towards the quorum in one way only, and one key is one witness, whatever it is called.
 * Names are octets, and stand here as one character for each. Start at `parsePolicy` and `checkNote`.
 */

import type { Bytes } from "./bytes";
import { equal, hex, utf8Text } from "./bytes";
import { COSIGNED_ED25519, LOG_ED25519, ML_DSA_44, isKeyOfType, verifyLine } from "./checkpoint";
import { isPrintable } from "./names";
import type { Note, Vkey } from "./note";
import { parseVkey } from "./note";
import { recast, refuse } from "./refusal";

export const POLICY_BYTES_MAX = 1024 * 1024;
const LOGS_MAX = 64;
const WITNESSES_MAX = 256;
const GROUPS_MAX = 256;
const NOBODY = "none";
const NAMES_SHOWN_MAX = 8;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/;
const THRESHOLD = /^[0-9]{1,4}$/;

interface Group {
  readonly threshold: number;
  readonly members: readonly string[];
}

export interface Policy {
  readonly logs: readonly string[];
  readonly witnesses: ReadonlyMap<string, Vkey>;
  /** In the order of their definition, so that members come first. */
  readonly groups: ReadonlyMap<string, Group>;
  readonly quorum: string;
}

/** A policy file, read in full (`policy-refused`, `limit-exceeded`). */
export function parsePolicy(data: Bytes): Policy {
  if (data.length > POLICY_BYTES_MAX)
    refuse("limit-exceeded", `the policy is larger than ${POLICY_BYTES_MAX} bytes`);
  const text = octets(data);
  if (CONTROL.test(text)) bad("the policy holds control characters other than tab and newline");
  const reader = new Reader();
  text.split("\n").forEach((line, index) => {
    const words = line.split(/[ \t]/).filter((word) => word !== "");
    if (words[0]?.startsWith("#") === false) reader.take(words, index + 1);
  });
  return reader.policy();
}

/** The names, fit to be shown, of the policy's witnesses that signed; each of their lines verifies, the quorum is met. */
export function checkNote(policy: Policy, note: Note): readonly string[] {
  const signed: Vkey[] = [];
  for (const line of note.lines) {
    const vkey = [...policy.witnesses.values()].find(
      (key) => key.name === line.name && key.keyId === line.keyId,
    );
    if (vkey === undefined) continue;
    verifyLine(note.text, vkey, line);
    signed.push(vkey);
  }
  return checkQuorum(policy, signed);
}

/** The names among these keys; `quorum-not-met` names what lacks. */
export function checkQuorum(policy: Policy, signed: readonly Vkey[]): readonly string[] {
  const isSigned = (key: Vkey) =>
    signed.some((one) => one.type === key.type && equal(one.publicKey, key.publicKey));
  const names = [...policy.witnesses].filter(([, vkey]) => isSigned(vkey)).map(([name]) => name);
  if (policy.quorum !== NOBODY) checkMet(policy, new Set(names));
  return names.map(shown);
}

function checkMet(policy: Policy, met: Set<string>): void {
  for (const [name, { members, threshold }] of policy.groups) {
    if (members.filter((member) => met.has(member)).length >= threshold) met.add(name);
  }
  if (met.has(policy.quorum)) return;
  const group = policy.groups.get(policy.quorum);
  const lacking = (group?.members ?? [policy.quorum]).filter((member) => !met.has(member));
  const names = lacking.slice(0, NAMES_SHOWN_MAX).map((name) => `\`${shown(name)}\``);
  const more = lacking.length > NAMES_SHOWN_MAX ? ` and ${lacking.length - NAMES_SHOWN_MAX} more` : "";
  refuse(
    "quorum-not-met",
    `the quorum of the policy is not met: \`${shown(policy.quorum)}\` lacks ${names.join(", ")}${more}`,
  );
}

class Reader {
  private readonly logs: string[] = [];
  private readonly witnesses = new Map<string, Vkey>();
  private readonly groups = new Map<string, Group>();
  private readonly members = new Set<string>();
  private readonly keys = new Set<string>();
  private quorum = "";

  take(words: readonly string[], line: number): void {
    const [kind, first, second, ...rest] = words;
    if (kind === "log" && first !== undefined && words.length <= 3) {
      const [text] = this.takeKey("log", first, line);
      this.logs.push(text);
      checkCount("logs", this.logs.length, LOGS_MAX);
    } else if (kind === "witness" && first !== undefined && second !== undefined && words.length <= 4) {
      this.checkName(first, line);
      this.witnesses.set(first, this.takeKey("witness", second, line)[1]);
      checkCount("witnesses", this.witnesses.size, WITNESSES_MAX);
    } else if (kind === "group" && first !== undefined && second !== undefined && rest.length > 0) {
      this.checkName(first, line);
      this.groups.set(first, this.takeGroup(second, rest, line));
      checkCount("groups", this.groups.size, GROUPS_MAX);
    } else if (kind === "quorum" && first !== undefined && words.length === 2 && this.mayBeQuorum(first)) {
      this.quorum = first;
    } else bad(`line ${line} of the policy is not understood`);
  }

  policy(): Policy {
    if (this.quorum === "") bad("the policy has no `quorum` line");
    return { logs: this.logs, witnesses: this.witnesses, groups: this.groups, quorum: this.quorum };
  }

  private mayBeQuorum(name: string): boolean {
    return this.quorum === "" && (name === NOBODY || this.isDefined(name));
  }

  private isDefined(name: string): boolean {
    return this.witnesses.has(name) || this.groups.has(name);
  }

  private checkName(name: string, line: number): void {
    if (name === NOBODY || this.isDefined(name)) bad(`line ${line} of the policy defines a name again`);
  }

  private takeKey(role: "log" | "witness", word: string, line: number): [string, Vkey] {
    const text = textOf(word) ?? bad(`line ${line} of the policy has a key that is not text`);
    const vkey = recast("policy-refused", `line ${line} of the policy has no key of a ${role}`, () =>
      keyOf(role, text),
    );
    // The same key under another name is still the same key, and two under one name and key id could not be told apart.
    const names = [`${role} ${hex(vkey.publicKey)}`, `${role} ${vkey.name} ${vkey.keyId}`];
    if (names.some((name) => this.keys.has(name))) bad(`line ${line} of the policy repeats a key`);
    names.forEach((name) => this.keys.add(name));
    return [text, vkey];
  }

  private takeGroup(threshold: string, members: readonly string[], line: number): Group {
    const needed = thresholdOf(threshold, members.length);
    const fits = members.every((member) => this.isDefined(member) && !this.members.has(member));
    if (needed === null || !fits || new Set(members).size !== members.length) {
      bad(`line ${line} of the policy does not define a group`);
    }
    members.forEach((member) => this.members.add(member));
    return { threshold: needed, members };
  }
}

function keyOf(role: "log" | "witness", text: string): Vkey {
  const vkey = parseVkey(text);
  const ed25519 = role === "log" ? LOG_ED25519 : COSIGNED_ED25519;
  if (!isKeyOfType(vkey, ed25519) && !isKeyOfType(vkey, ML_DSA_44)) {
    refuse("vkey-refused", `the key is not one of a ${role}`);
  }
  return vkey;
}

function thresholdOf(text: string, members: number): number | null {
  if (text === "all") return members;
  if (text === "any") return 1;
  const number = THRESHOLD.test(text) ? Number(text) : 0;
  return number >= 1 && number <= members ? number : null;
}

function checkCount(what: string, count: number, most: number): void {
  if (count > most) refuse("limit-exceeded", `the policy has more than ${most} ${what}`);
}

function octets(data: Bytes): string {
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return text;
}

/** The text whose UTF-8 bytes these octets are, or nothing. */
function textOf(name: string): string | null {
  return utf8Text(Uint8Array.from(name, (octet) => octet.charCodeAt(0)));
}

/** A name fit for a screen. */
function shown(name: string): string {
  return [...(textOf(name) ?? name)].map((mark) => (isPrintable(mark) ? mark : "\ufffd")).join("");
}

function bad(message: string): never {
  refuse("policy-refused", message);
}
