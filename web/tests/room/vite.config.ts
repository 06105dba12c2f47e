/** Builds the room's test pages as the app is built, under the same policy; `--outDir` says where to. */
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import app from "../../vite.config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** Those that write files beside the app's own build are left out. */
const NEEDED = /^(vite:react|theme-variables|styles-without-elements)/;
const all = (app as { plugins: (Plugin | Plugin[])[] }).plugins.flat();

export default defineConfig({
  root: here("."),
  plugins: all.filter(({ name }) => NEEDED.test(name)),
  resolve: { alias: { "~": here("../../src") } },
  build: {
    rolldownOptions: { input: here("./index.html") },
    target: "es2023",
    assetsInlineLimit: 0,
    minify: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: "es" },
});
