/**
 * Taking entries along as one file: made by the node, signed for, and only then fetched.
 *
 * Guarantees: what is signed is what the node made, and that for these very entries: a command for anything else is
 * not signed.
 */

import { api, command } from "~/session";
import type { ExportMade } from "../shapes";
import { noteRefusal, watchNow } from "../watch/useWatch";

export type Step = "make" | "sign" | "fetch";

export interface Wish {
  positions: readonly number[];
  purpose: string;
  withDocuments: boolean;
  wholeRequests: boolean;
}

export interface Taken {
  file: Blob;
  made: ExportMade;
}

/** Make, sign and fetch; `onStep` is told which of the three is under way. */
export async function takeAlong(wish: Wish, onStep: (step: Step) => void = () => {}): Promise<Taken> {
  const watch = watchNow("log");
  try {
    onStep("make");
    const body = {
      watch,
      positions: [...wish.positions].sort((a, b) => a - b),
      purpose: wish.purpose,
      with_documents: wish.withDocuments,
      whole_requests: wish.wholeRequests,
    };
    const made = await api.json<ExportMade>("POST", "/v1/app/audit/exports", { body });
    checkCommand(made, watch);
    onStep("sign");
    await command(made.command.type, made.command.body);
    onStep("fetch");
    const file = await api.blob("/v1/app/audit/exports/{share}", { params: { share: made.share } });
    return { file, made };
  } catch (error) {
    noteRefusal("log", watch, error);
    throw error;
  }
}

/** The node says what to sign; it may be this command alone, and under this watch. */
export function checkCommand({ command: asked, share }: ExportMade, watch: string): void {
  const isOurs =
    asked.type === "audit.export/1" && asked.body["watch"] === watch && asked.body["share"] === share;
  if (!isOurs) throw new Error("the node asks to sign something else than the export");
}
