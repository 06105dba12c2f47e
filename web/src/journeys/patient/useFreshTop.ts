/** A new step is read from its beginning: by eyes, and by readers of the screen. */

import { useEffect, useRef } from "react";

export function useFreshTop(step: string | number): void {
  const before = useRef(step);
  useEffect(() => {
    if (before.current === step) return;
    before.current = step;
    window.scrollTo(0, 0);
    document.querySelector<HTMLElement>("[data-page-title]")?.focus({ preventScroll: true });
  }, [step]);
}
