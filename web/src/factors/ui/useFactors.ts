/**
 * What a person holds in this browser, beside what the node says of it.
 *
 * Credentials are opened with the keys of whoever is signed in, and held by the page alone: when the session ends, the page
 * goes, and they with it.
 */

import { useCallback, useEffect, useRef, useState } from "react";
import { asApiError, useView, wallet, type ApiError, type View } from "~/session";
import type { HeldCredential } from "../book";
import { FactorStore, type Kept } from "../store";
import type { OwnCredential, OwnFactors } from "./shapes";

/** Offers and requests come by no live topic. */
const LOOK_MS = 15_000;

export interface Factors {
  readonly view: View<OwnFactors>;
  /** Nothing until it was opened. */
  readonly kept: Kept | null;
  readonly error: ApiError | null;
  readonly reload: () => void;
}

export function useFactors(): Factors {
  const view = useView<OwnFactors>("/v1/app/my/factors", { every_ms: LOOK_MS });
  const [kept, setKept] = useState<Kept | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const asked = useRef(0);
  const open = useCallback(async () => {
    const mine = ++asked.current;
    try {
      const found = await withFactors((store) => store.load(wallet()));
      if (mine !== asked.current) return;
      setKept(found);
      setError(null);
    } catch (thrown) {
      if (mine === asked.current) setError(asApiError(thrown));
    }
  }, []);
  useEffect(() => {
    void open();
    return () => {
      asked.current += 1;
    };
  }, [open]);
  const { reload: look } = view;
  const reload = useCallback(() => {
    look();
    void open();
  }, [look, open]);
  return { view, kept, error, reload };
}

/** Work with this browser's credentials, and close them. */
export async function withFactors<T>(work: (store: FactorStore) => Promise<T>): Promise<T> {
  const store = await FactorStore.open();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** What the node says of a held credential; nothing where its ledger does not know it. */
export function saidOf(held: HeldCredential, said: readonly OwnCredential[]): OwnCredential | undefined {
  return said.find(({ digest }) => digest === held.credential.digest);
}

/** The held credentials that count at this node now. */
export function holding({ kept, view }: Pick<Factors, "kept" | "view">): HeldCredential[] {
  const said = view.data?.credentials ?? [];
  return (kept?.held ?? []).filter((held) => saidOf(held, said)?.state === "active");
}
