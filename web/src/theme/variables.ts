/** All variables of the theme as the text of one style sheet; used when the app is built. */

import {
  DEFAULT_THEME,
  convertCssVariables,
  deepMerge,
  defaultCssVariablesResolver,
  mergeMantineTheme,
} from "@mantine/core";
import { theme, variables } from "./theme.ts";

export function themeVariables(): string {
  const merged = mergeMantineTheme(DEFAULT_THEME, theme);
  const all = deepMerge(defaultCssVariablesResolver(merged), variables(merged));
  return convertCssVariables(all, ":root") + schemes() + visibility(merged.breakpoints);
}

function schemes(): string {
  return convertCssVariables(
    {
      variables: {},
      dark: { "--mantine-color-scheme": "dark" },
      light: { "--mantine-color-scheme": "light" },
    },
    ":root",
  );
}

/** What `visibleFrom` and `hiddenFrom` of Mantine's parts refer to. */
function visibility(breakpoints: Record<string, string>): string {
  return Object.entries(breakpoints)
    .map(
      ([name, from]) =>
        `@media (width < ${from}) {.mantine-visible-from-${name} {display: none !important;}}` +
        `@media (width >= ${from}) {.mantine-hidden-from-${name} {display: none !important;}}`,
    )
    .join("");
}
