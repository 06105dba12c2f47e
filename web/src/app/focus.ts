/**
 * The focus is never lost: when what has it goes away (a notice that was seen, a passkey that was removed, the button that
 * opened a panel) or rests while it works, whoever uses a keyboard or a reader of the screen would begin at the top.
 *
 * Guarantees: it goes to the next one of the same kind, else to the heading of what it was in, else to the page's title;
 * never to something that acts, so that a key held down does nothing twice; and never away from where somebody put it.
 * Start at `useFocusKept`.
 */

import { useEffect, type RefObject } from "react";

/** A dialog gives the focus back where it took it once it has faded; what goes with it goes by then too. */
export const SETTLED_MS = 250;
const HEADINGS = "h1, h2, h3, h4";

/** One element on the way from what had the focus up to the page, and where it stood. */
interface Step {
  readonly element: Element;
  readonly parent: Element;
  readonly at: number;
}

/** Keep the focus on the page of `root`. */
export function useFocusKept(root: RefObject<HTMLElement | null>): void {
  useEffect(() => (root.current === null ? undefined : keepFocus(root.current)), [root]);
}

/** Watch what has the focus below `root`; the function that ends it is given back. */
export function keepFocus(root: HTMLElement): () => void {
  const page = root.ownerDocument;
  let trail: readonly Step[] = [];
  let isResting = false;
  let timer = 0;
  const forget = () => {
    [trail, isResting] = [[], false];
  };
  const onFocus = ({ target }: Event) => {
    if (target instanceof Element && root.contains(target))
      [trail, isResting] = [trailOf(target, root), false];
  };
  // A tap beside it is meant to leave it. One in a dialog is not: the dialog goes, and was opened from here.
  const onPointer = ({ target }: Event) => {
    if (target instanceof Element && root.contains(target) && !trail[0]?.element.contains(target)) forget();
  };
  const settle = () => {
    timer = 0;
    const [first] = trail;
    if (first === undefined || !isLost(page)) return;
    if (page.querySelector('[role="dialog"]') !== null) return; // It holds the focus itself.
    if (!first.element.isConnected) {
      focusOn(placeAfter(trail, root));
      forget();
    } else if (first.element.matches(":disabled")) isResting = true;
    else if (isResting) (first.element as HTMLElement).focus({ preventScroll: true });
    else forget(); // Somebody left it.
  };
  const onChange = () => {
    if (timer === 0 && trail.length > 0 && isLost(page)) timer = window.setTimeout(settle, SETTLED_MS);
  };
  const observer = new MutationObserver(onChange);
  observer.observe(page.body, { childList: true, subtree: true, attributeFilter: ["disabled"] });
  page.addEventListener("focusin", onFocus);
  page.addEventListener("pointerdown", onPointer, true);
  return () => {
    window.clearTimeout(timer);
    observer.disconnect();
    page.removeEventListener("focusin", onFocus);
    page.removeEventListener("pointerdown", onPointer, true);
  };
}

function isLost({ activeElement, body }: Document): boolean {
  return activeElement === null || activeElement === body;
}

function trailOf(from: Element, root: Element): Step[] {
  const trail: Step[] = [];
  for (
    let element = from;
    element !== root && element.parentElement !== null;
    element = element.parentElement
  )
    trail.push({
      element,
      parent: element.parentElement,
      at: [...element.parentElement.children].indexOf(element),
    });
  return trail;
}

/** Where one goes on after what is gone: of what is left of its surroundings the nearest that says where one is. */
function placeAfter(trail: readonly Step[], root: HTMLElement): HTMLElement {
  for (const { element, parent, at } of trail) {
    if (!parent.isConnected) continue;
    const next = parent.children[Math.min(at, parent.children.length - 1)];
    if (next instanceof HTMLElement && isLike(next, element)) return next;
    const heading = parent === root ? null : parent.querySelector<HTMLElement>(HEADINGS);
    if (heading !== null) return heading;
  }
  return root.querySelector<HTMLElement>("[data-page-title]") ?? root;
}

/** Whether two are rows of one list, or cards of one stack; buttons beside each other are not. */
function isLike(one: Element, other: Element): boolean {
  if (one.tagName !== other.tagName || one.className !== other.className) return false;
  return one.matches("li, tr, article") || (one.className !== "" && !one.matches("button, a, input"));
}

/** Focused from here and not by Tab, unless it can be anyway. */
function focusOn(place: HTMLElement): void {
  if (!place.hasAttribute("tabindex")) {
    place.tabIndex = -1;
    place.addEventListener("blur", () => place.removeAttribute("tabindex"), { once: true });
  }
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: "nearest" });
}
