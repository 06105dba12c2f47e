/**
 * What tests that have Python on the other side ask of a holder's wallet: collect, take in, look, answer; and answer as no
 * wallet would.
 *
 * Each handle has a book of its own, in memory.
 */
import * as factors from "../../src/factors";
import * as kernel from "../../src/kernel";

/** What a line in has for these actions. */
export interface AskedFactors {
  readonly handle: number;
  readonly offer: factors.CredentialOffer;
  readonly serialized: string;
  readonly jwks: unknown;
  readonly now_ms?: number;
  readonly presentation: string;
  readonly names: readonly string[];
  readonly wanted: readonly factors.FactorWanted[];
  /** What is wrong with an answer. */
  readonly wrong?: "audience" | "nonce" | "half" | "disclosure" | "unasked" | "stale";
}

const books = new Map<number, factors.HeldCredential[]>();

/** The actions of a holder. */
export function factorActions<T extends AskedFactors>(
  client: (asked: T) => kernel.NodeClient,
): Record<string, (asked: T) => unknown> {
  return {
    async collect(asked) {
      return keep(asked.handle, await factors.collectCredential(client(asked), asked.offer));
    },

    async take(asked) {
      const issuer = kernel.VerifyKey.fromJwks(asked.jwks);
      const holder = client(asked).wallet.signingKey.public;
      const nowMs = asked.now_ms ?? Date.now();
      const serialized = kernel.utf8(asked.serialized);
      return keep(asked.handle, await factors.takeCredential(serialized, { issuer, holder, nowMs }));
    },

    async look(asked) {
      const node = client(asked);
      const { request } = await factors.openRequest(node, asked.presentation);
      const at = { wallet: node.wallet, node: node.origin, nowMs: node.clock.nowMs() };
      return factors
        .offersFor(request, bookOf(asked.handle), at)
        .map(({ wanted, factor }) => [factors.factorName(wanted), factor?.value ?? null]);
    },

    async present(asked) {
      const node = client(asked);
      const opened = await factors.openRequest(node, asked.presentation);
      const nowMs = node.clock.nowMs();
      const at = { wallet: node.wallet, node: node.origin, nowMs, names: asked.names };
      const good = await factors.approve(opened.request, bookOf(asked.handle), at);
      const answer = asked.wrong === undefined ? good : await spoil(good, opened.request, node, asked);
      return (await factors.sendAnswer(node, answer, opened.link)).entries;
    },

    async show_oneself(asked) {
      const node = client(asked);
      const opened = await factors.askOneself(node, {
        wanted: asked.wanted,
        purpose: "treatment",
        reliedSeconds: 3600,
      });
      const nowMs = node.clock.nowMs();
      const names = factors.namesOf(asked.wanted);
      const at = { wallet: node.wallet, node: node.origin, nowMs, names };
      const answer = await factors.approve(opened.request, bookOf(asked.handle), at);
      await factors.sendAnswer(node, answer, opened.link);
      return opened.request.presentation;
    },
  };
}

function bookOf(handle: number): factors.HeldCredential[] {
  return books.get(handle) ?? [];
}

function keep(handle: number, held: factors.HeldCredential) {
  books.set(handle, [...bookOf(handle), held]);
  const { factors: shown, digest, issuer, group } = held.credential;
  return {
    factors: Object.fromEntries(shown.map(({ name, value }) => [name, value])),
    digest,
    issuer,
    group,
  };
}

interface Form {
  signatures: [{ header: Record<string, unknown> & { disclosures: string[] } }];
}

/** An answer that no honest wallet would send, under a command that names it rightly. */
async function spoil(
  good: factors.Answer,
  request: factors.PresentationRequest,
  node: kernel.NodeClient,
  asked: AskedFactors,
): Promise<factors.Answer> {
  const document = kernel.canonical.decodeObject(good.data, { limit: good.data.length });
  const [group = ""] = Object.keys(document.vp_token as object);
  const held = bookOf(asked.handle).find(({ credential }) => credential.group === group);
  if (held === undefined) throw new Error("nothing is held");
  const names = asked.names.map((name) => name.slice(name.indexOf(".") + 1));
  const vp = await factors.presentCredential(held.serialized, {
    names: asked.wrong === "unasked" ? held.credential.factors.map(({ name }) => name) : names,
    holder: node.wallet.signingKey,
    nonce: asked.wrong === "nonce" ? node.ids.nonce() : request.nonce,
    audience: asked.wrong === "audience" ? `${node.origin}/actors/${node.ids.next()}` : request.audience,
    nowMs: node.clock.nowMs() - (asked.wrong === "stale" ? 3_600_000 : 0),
  });
  const form = JSON.parse(vp) as Form;
  const { header } = form.signatures[0];
  if (asked.wrong === "half") Reflect.deleteProperty(header, "kb_jwt_ed25519");
  if (asked.wrong === "disclosure") header.disclosures = header.disclosures.map(changed);
  const shown = kernel.utf8Text(kernel.canonical.encode(form));
  const data = kernel.canonical.encode({ ...document, vp_token: { [group]: [shown] } });
  const body = { ...good.command.body, vp: kernel.digestOf(data) };
  return { data, command: { ...good.command, body } };
}

/** The same salt and name, and another value. */
function changed(disclosure: string): string {
  const parts = JSON.parse(kernel.utf8Text(kernel.base64url.decode(disclosure))) as string[];
  return kernel.base64url.encode(kernel.canonical.encode([parts[0] ?? "", parts[1] ?? "", "Somebody Else"]));
}
