/**
 * Copying by a tap, and by hand where the browser refuses it: then the text is shown whole, selected, in a field from
 * which any browser copies. Start at `useCopy`.
 */

import { TextInput } from "@mantine/core";
import { useCallback, useEffect, useState } from "react";
import { useStrings } from "~/strings";

/** How long it is said that something was copied. */
const COPIED_MS = 2000;

export interface Copying {
  state: "idle" | "copied" | "refused";
  copy: () => void;
}

/** Put a text on the clipboard; `refused` where the browser does not let it, or has none. */
export function useCopy(value: string): Copying {
  const [state, setState] = useState<Copying["state"]>("idle");
  useEffect(() => {
    if (state !== "copied") return;
    const timer = window.setTimeout(() => setState("idle"), COPIED_MS);
    return () => window.clearTimeout(timer);
  }, [state]);
  const copy = useCallback(() => {
    write(value).then(
      () => setState("copied"),
      () => setState("refused"),
    );
  }, [value]);
  return { state, copy };
}

/** A page without a secure context has no clipboard at all, whatever its type says. */
async function write(value: string): Promise<void> {
  await navigator.clipboard.writeText(value);
}

/** The text to be copied by hand: selected when it appears, and again whenever somebody comes to it. */
export function ByHand({ value, label }: { value: string; label: string }) {
  const words = useStrings().copy;
  const select = useCallback((field: HTMLInputElement | null) => {
    field?.focus();
    field?.select();
  }, []);
  return (
    <TextInput
      ref={select}
      label={label}
      description={words.byHand}
      value={value}
      readOnly
      autoComplete="off"
      spellCheck={false}
      onFocus={(event) => event.currentTarget.select()}
    />
  );
}
