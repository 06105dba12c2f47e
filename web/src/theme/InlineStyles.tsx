/**
 * Stands in for Mantine's `InlineStyles` in the build: the same rules, in constructed style sheets.
 *
 * A style element would need `'unsafe-inline'` or a nonce; a constructed style sheet needs neither (CSSOM).
 */

import { stylesToString } from "@mantine/core";
import { useInsertionEffect } from "react";

type Props = Parameters<typeof stylesToString>[0] & { deduplicate?: boolean };

const sheets = new Map<string, { sheet: CSSStyleSheet; users: number }>();

export function InlineStyles({ deduplicate: _deduplicate, ...rules }: Props) {
  const text = stylesToString(rules);
  useInsertionEffect(() => adopt(text), [text]);
  return null;
}

/** Put `text` to work; returns what takes it back once nobody uses it any more. */
export function adopt(text: string): () => void {
  if (text === "") return () => {};
  const known = sheets.get(text) ?? { sheet: made(text), users: 0 };
  known.users += 1;
  sheets.set(text, known);
  return () => {
    known.users -= 1;
    if (known.users > 0) return;
    sheets.delete(text);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== known.sheet);
  };
}

function made(text: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return sheet;
}
