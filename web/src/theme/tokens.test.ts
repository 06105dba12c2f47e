import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

describe("colours that carry a meaning can be read", () => {
  const css = readFileSync(fileURLToPath(new URL("./tokens.css", import.meta.url)), "utf8");
  const blocks = [/:root \{([^}]*)\}/, /color-scheme="dark"\] \{([^}]*)\}/].map(
    (block) => block.exec(css)?.[1] ?? "",
  );
  const pairs = [
    ...["accent", "alarm", "wait", "good", "text", "quiet"].flatMap((ink) => [
      [ink, "ground"],
      [ink, "surface"],
    ]),
    ...["accent", "alarm", "wait", "good"].map((ink) => [ink, `${ink}-soft`]),
    ["on-accent", "accent"],
    ["text", "sunken"],
    ["quiet", "sunken"],
  ];

  test.each(["light", "dark"])("in %s", (scheme) => {
    const block = blocks[scheme === "light" ? 0 : 1] ?? "";
    const colour = (name: string) => new RegExp(`--t-${name}: (#[0-9a-f]{6})`).exec(block)?.[1] ?? "";
    for (const [ink = "", ground = ""] of pairs) {
      expect(contrast(colour(ink), colour(ground)), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});

/** WCAG 2.2, contrast ratio. */
function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
