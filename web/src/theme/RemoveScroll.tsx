/**
 * Stands in for `react-remove-scroll` in the build: the page behind a dialogue does not scroll.
 *
 * The package writes a style element, which the page's policy refuses. A class on the root does the same.
 */

import { useEffect, type ReactNode } from "react";

let holders = 0;

export function RemoveScroll({ enabled = true, children }: { enabled?: boolean; children?: ReactNode }) {
  useEffect(() => (enabled ? hold() : undefined), [enabled]);
  return <>{children}</>;
}

RemoveScroll.classNames = { fullWidth: "", zeroRight: "" };

function hold(): () => void {
  holders += 1;
  document.documentElement.classList.add("t-held");
  return () => {
    holders -= 1;
    if (holders === 0) document.documentElement.classList.remove("t-held");
  };
}
