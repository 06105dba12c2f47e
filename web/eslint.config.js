/** Few rules: what the type checker cannot see. Form is prettier's. */

import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import ts from "typescript-eslint";

const SERVICE_WORKER = Object.fromEntries(
  ["self", "caches", "clients", "fetch", "location", "addEventListener", "Request", "Response", "URL"].map(
    (name) => [name, "readonly"],
  ),
);

export default ts.config(
  { ignores: ["node_modules", "src/api/schema.d.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  {
    files: ["**/*.{ts,tsx}"],
    plugins: { "react-hooks": hooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      "no-restricted-globals": ["error", "name", "event", "status", "alert", "confirm", "prompt"],
      "no-restricted-properties": [
        "error",
        { object: "document", property: "write" },
        { property: "innerHTML", message: "markup from data is how scripts get in" },
        { property: "dangerouslySetInnerHTML", message: "markup from data is how scripts get in" },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/no-invalid-void-type": "off",
    },
  },
  { files: ["src/offline/sw.js"], languageOptions: { globals: SERVICE_WORKER } },
);
