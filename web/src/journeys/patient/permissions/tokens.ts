/** Permissions as tokens: what a grant says, before it is signed. Pure. */

/** Access is asked for each member and purpose, at most so many times. */
export const MEMBERS_MAX = 128;

export type Span = "day" | "week" | "month" | "year";
export type GrantPurpose = "treatment" | "payment" | "operations";

const DAY_MS = 86_400_000;
const DAYS: Record<Span, number> = { day: 1, week: 7, month: 30, year: 365 };
/** It begins a minute ago, so that it works at a node whose clock is a little behind. */
const SLACK_MS = 60_000;

export interface Wish {
  recipient: string;
  objects: readonly string[];
  purpose: GrantPurpose;
  span: Span;
}

export function endOf(span: Span, nowMs: number): number {
  return nowMs + DAYS[span] * DAY_MS;
}

/** The two commands of a grant, sorted as docs/spec/tokens.md wants them. Reading alone, revocable, not handed on. */
export function grantCommands(
  { recipient, objects, purpose, span }: Wish,
  { token, dataset, nowMs }: { token: string; dataset: string; nowMs: number },
): { type: string; body: object }[] {
  const members = [...new Set(objects)].sort().map((id) => ({ kind: "object", id }));
  return [
    { type: "dataset.define/1", body: { dataset, members } },
    {
      type: "token.mint/1",
      body: {
        token,
        dataset,
        role: null,
        recipient: { kind: "actor", id: recipient },
        actions: ["read"],
        purposes: [purpose],
        not_before: new Date(nowMs - SLACK_MS).toISOString(),
        not_after: new Date(endOf(span, nowMs)).toISOString(),
        required_factors: [],
        rule: "",
        revocable: true,
        transferable: false,
        delegation_depth: 0,
      },
    },
  ];
}

/** How many things of each kind a permission covers. */
export function countThings(things: readonly string[]): { object: number; visit: number; device: number } {
  const of = (kind: string) => things.filter((thing) => thing.startsWith(`${kind}/`)).length;
  return { object: of("object"), visit: of("visit"), device: of("device") };
}
