/**
 * The look of the app as Mantine's theme: one accent, warm greys, four sizes of text, spacing in steps of 4.
 *
 * Colours that carry a meaning are variables of `tokens.css`; this file gives Mantine's own parts the same ones.
 */

import {
  createTheme,
  defaultVariantColorsResolver,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from "@mantine/core";

/** The accent: `#0F766E` on light ground (7), `#2DD4BF` on dark (4). */
const teal: MantineColorsTuple = [
  "#f0fdfa",
  "#ccfbf1",
  "#99f6e4",
  "#5eead4",
  "#2dd4bf",
  "#14b8a6",
  "#0d9488",
  "#0f766e",
  "#115e59",
  "#134e4a",
];

const warmGray: MantineColorsTuple = [
  "#fafaf9",
  "#f5f5f4",
  "#e7e5e4",
  "#d6d3d1",
  "#a8a29e",
  "#8c8681",
  "#6b6560",
  "#57534e",
  "#3b3734",
  "#292524",
];

/** In dark, from text (0) to ground (9). */
const warmDark: MantineColorsTuple = [
  "#e7e5e4",
  "#c9c5c2",
  "#b0aaa5",
  "#8c8681",
  "#4a4542",
  "#383431",
  "#2a2725",
  "#1c1a19",
  "#171514",
  "#121110",
];

const red: MantineColorsTuple = [
  "#fef2f2",
  "#fee2e2",
  "#fecaca",
  "#fca5a5",
  "#f87171",
  "#ef4444",
  "#d42a2a",
  "#b91c1c",
  "#991b1b",
  "#7f1d1d",
];

const QUICK = { duration: 150 };

/** Filled parts in both schemes: text on the accent is dark where the accent is light; the alarm's ground stays deep. */
const filled: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  const color = input.color ?? input.theme.primaryColor;
  if (color === "red" && input.variant === "outline") {
    return {
      ...colors,
      color: "var(--t-alarm)",
      border: "1px solid var(--t-alarm)",
      hover: "var(--t-alarm-soft)",
    };
  }
  if (input.variant !== "filled") return colors;
  if (color === "teal") return { ...colors, color: "var(--t-on-accent)" };
  if (color === "red") return { ...colors, background: "#b91c1c", hover: "#991b1b", color: "#ffffff" };
  return colors;
};

export const theme = createTheme({
  variantColorResolver: filled,
  primaryColor: "teal",
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  respectReducedMotion: true,
  colors: { teal, gray: warmGray, dark: warmDark, red },
  black: "#1c1917",
  defaultRadius: "md",
  radius: { xs: "2px", sm: "4px", md: "8px", lg: "12px", xl: "20px" },
  cursorType: "pointer",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: "0.875rem", sm: "0.875rem", md: "1rem", lg: "1.25rem", xl: "1.75rem" },
  lineHeights: { xs: "1.45", sm: "1.45", md: "1.5", lg: "1.4", xl: "1.25" },
  spacing: { xs: "0.25rem", sm: "0.5rem", md: "1rem", lg: "1.5rem", xl: "2rem" },
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "1.75rem", lineHeight: "1.25" },
      h2: { fontSize: "1.25rem", lineHeight: "1.4" },
      h3: { fontSize: "1rem", lineHeight: "1.5" },
      h4: { fontSize: "1rem", lineHeight: "1.5" },
    },
  },
  components: {
    Button: { defaultProps: { size: "md" } },
    ActionIcon: { defaultProps: { size: 44, variant: "subtle", color: "gray" } },
    Anchor: { defaultProps: { underline: "always" } },
    Checkbox: { defaultProps: { size: "md" } },
    Radio: { defaultProps: { size: "md" } },
    Switch: { defaultProps: { size: "md" } },
    TextInput: { defaultProps: { size: "md" } },
    PasswordInput: { defaultProps: { size: "md" } },
    Textarea: { defaultProps: { size: "md" } },
    Select: { defaultProps: { size: "md" } },
    NativeSelect: { defaultProps: { size: "md" } },
    Modal: { defaultProps: { centered: true, transitionProps: QUICK, radius: "lg" } },
    Drawer: { defaultProps: { transitionProps: QUICK } },
    SegmentedControl: { defaultProps: { size: "md", radius: "md" } },
    Menu: { defaultProps: { transitionProps: QUICK, withInitialFocusPlaceholder: false } },
  },
});

/** Mantine's own colours of text, ground and lines, so that they agree with `tokens.css`. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#fafaf9",
    "--mantine-color-text": "#1c1917",
    "--mantine-color-dimmed": "#57534e",
    "--mantine-color-placeholder": "#6b6560",
    "--mantine-color-error": "#b91c1c",
    "--mantine-color-default": "#ffffff",
    "--mantine-color-default-border": "#d6d3d1",
    "--mantine-color-anchor": "#0f766e",
  },
  dark: {
    "--mantine-color-body": "#171514",
    "--mantine-color-text": "#f5f5f4",
    "--mantine-color-dimmed": "#b0aaa5",
    "--mantine-color-placeholder": "#a09a95",
    "--mantine-color-error": "#fca5a5",
    "--mantine-color-default": "#211f1d",
    "--mantine-color-default-border": "#4a4542",
    "--mantine-color-anchor": "#2dd4bf",
    "--mantine-primary-color-contrast": "#06231f",
  },
});
