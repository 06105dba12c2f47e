/**
 * The router: all places are in the address's fragment (`#/patient/visits/v1?x=1`), which no server sees.
 *
 * Guarantees: a place that is no sound address is read as far as it can be, never thrown at the reader.
 */

import { Anchor, type AnchorProps } from "@mantine/core";
import { useSyncExternalStore, type ComponentProps, type ReactNode } from "react";

export interface Route {
  path: readonly string[];
  query: URLSearchParams;
}

/** Longer fragments are nobody's place; an invitation has about 90 characters. */
const FRAGMENT_MAX = 4096;

/** Read a fragment such as `#/patient/visits/v1?x=1`. */
export function parseRoute(fragment: string): Route {
  const text = fragment.replace(/^#/, "").slice(0, FRAGMENT_MAX);
  const [path = "", query = ""] = split(text, "?");
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

/** A place of pieces that may hold any character: `pathOf("patient", "visits", id)`. */
export function pathOf(...pieces: string[]): string {
  return `/${pieces.map(encodeURIComponent).join("/")}`;
}

export function go(to: string, { replace = false }: { replace?: boolean } = {}): void {
  const fragment = `#${to.startsWith("/") ? to : `/${to}`}`;
  if (replace) {
    history.replaceState(history.state, "", fragment);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else if (location.hash !== fragment) {
    location.hash = fragment;
  }
}

export function back(): void {
  history.back();
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, routeNow);
}

let known: { fragment: string; route: Route } | null = null;

export function routeNow(): Route {
  const fragment = location.hash;
  if (known?.fragment !== fragment) known = { fragment, route: parseRoute(fragment) };
  return known.route;
}

type LinkProps = { to: string; children?: ReactNode } & AnchorProps &
  Omit<ComponentProps<"a">, "href" | "color" | "style" | "children">;

export function Link({ to, children, ...rest }: LinkProps) {
  return (
    <Anchor href={`#${to}`} {...rest}>
      {children}
    </Anchor>
  );
}

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

function split(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(piece: string): string {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}
