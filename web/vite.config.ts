/**
 * Builds the app into the Python package, so that the node serves it and the wheel carries it.
 *
 * Guarantees: what is built needs no inline script or style element, so that it runs under `style-src 'self'`.
 */

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { themeVariables } from "./src/theme/variables.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const OUT = here("../src/telesphor/web");

export default defineConfig({
  plugins: [react(), variablesAsFile(), stylesWithoutElements(), serviceWorker(), firstPageSize()],
  resolve: { alias: { "~": here("./src") } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0, // The policy of the page allows fonts and style sheets from files alone.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
  },
  worker: { format: "es" },
  server: {
    proxy: { "/v1": { target: "http://127.0.0.1:8470", ws: true }, "/checkpoint": "http://127.0.0.1:8470" },
  },
});

/** Mantine's variables as a style sheet of the build; at run time it would write them into a style element. */
function variablesAsFile(): Plugin {
  const name = "virtual:theme-variables.css";
  return {
    name: "theme-variables",
    resolveId: (id) => (id === name ? `\0${name}` : null),
    load: (id) => (id === `\0${name}` ? themeVariables() : null),
  };
}

/** Replaces the two places that write style elements by constructed style sheets, which the policy does not concern. */
function stylesWithoutElements(): Plugin {
  return {
    name: "styles-without-elements",
    enforce: "pre",
    resolveId(id) {
      if (id.endsWith("InlineStyles/InlineStyles.mjs")) return here("./src/theme/InlineStyles.tsx");
      if (id === "react-remove-scroll") return here("./src/theme/RemoveScroll.tsx");
      return null;
    },
  };
}

/** Writes `sw.js` with the names of the files that it keeps for offline use: the shell and the verifier's page. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    writeBundle(_options, bundle) {
      const kept = offlineFiles(bundle as unknown as Bundle);
      const text = readFileSync(here("./src/offline/sw.js"), "utf8");
      const version = readdirSync(`${OUT}/assets`).sort().join(" ");
      writeFileSync(
        `${OUT}/sw.js`,
        text
          .replace('"__FILES__"', JSON.stringify(kept))
          .replace("__VERSION__", digest(version + readFileSync(`${OUT}/index.html`, "utf8"))),
      );
    },
  };
}

interface Chunk {
  type: "chunk" | "asset";
  fileName: string;
  isEntry?: boolean;
  imports?: string[];
  facadeModuleId?: string | null;
  viteMetadata?: { importedCss: Set<string> };
}
type Bundle = Record<string, Chunk>;

/** Script of the first page, compressed: over this, somebody with a cheap phone and a weak line waits. */
const FIRST_PAGE_BYTES_MAX = 300 * 1024;

/** Prints what a newcomer's first page loads (entry, sign-in or join, the kernel), and refuses a build that is over. */
function firstPageSize(): Plugin {
  return {
    name: "first-page-size",
    apply: "build",
    writeBundle(_options, bundle) {
      const chunks = bundle as unknown as Bundle;
      const files = new Set<string>();
      for (const [name, chunk] of Object.entries(chunks)) {
        if (chunk.isEntry === true || FIRST_PAGES.some((page) => chunk.facadeModuleId?.endsWith(page)))
          take(name);
      }
      function take(name: string): void {
        if (files.has(name)) return;
        files.add(name);
        chunks[name]?.imports?.forEach(take);
      }
      const scripts = [...files].filter((name) => name.endsWith(".js"));
      const bytes = scripts.reduce(
        (sum, name) => sum + gzipSync(readFileSync(`${OUT}/${name}`), { level: 6 }).length,
        0,
      );
      const kib = (n: number) => `${(n / 1024).toFixed(1)} KiB`;
      const said = `first page: ${kib(bytes)} compressed script of at most ${kib(FIRST_PAGE_BYTES_MAX)}`;
      if (bytes > FIRST_PAGE_BYTES_MAX) this.error(said);
      console.log(said);
    },
  };
}

const FIRST_PAGES = ["/src/app/signin/SignIn.tsx", "/src/app/join/Join.tsx", "/src/kernel/index.ts"];

/** The entry, the verifier's page and its worker, with all that they import. */
function offlineFiles(bundle: Bundle): string[] {
  const files = new Set<string>();
  const take = (name: string) => {
    const chunk = bundle[name];
    if (chunk === undefined || files.has(name)) return;
    files.add(name);
    chunk.viteMetadata?.importedCss.forEach((css) => files.add(css));
    chunk.imports?.forEach(take);
  };
  for (const chunk of Object.values(bundle)) {
    const source = chunk.facadeModuleId ?? "";
    const ofVerifier = source.includes("/src/journeys/verify/") || source.includes("/src/verify/");
    if (chunk.isEntry === true || ofVerifier || /assets\/worker-[^/]*\.js$/.test(chunk.fileName))
      take(chunk.fileName);
  }
  return ["/", "/manifest.webmanifest", "/icons/mark.svg", ...[...files].sort().map((name) => `/${name}`)];
}

function digest(text: string): string {
  let hash = 0xcbf29ce484222325n; // FNV-1a: a name for the cache, not a protection.
  for (const character of text)
    hash = ((hash ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, "0");
}
