// @vitest-environment happy-dom
/** Whatever takes the focused element away, the focus stays near where it was, on nothing that acts. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepFocus, SETTLED_MS } from "./focus";

let end = () => {};

function show(html: string): HTMLElement {
  document.body.replaceChildren(...parse(`<main tabindex="-1">${html}</main><div id="beside"></div>`));
  const main = document.querySelector("main") as HTMLElement;
  end = keepFocus(main);
  return main;
}

function parse(html: string): ChildNode[] {
  return [...new DOMParser().parseFromString(html, "text/html").body.childNodes];
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  end();
  vi.useRealTimers();
});

const find = (selector: string) => document.querySelector(selector) as HTMLButtonElement;
const focused = () => document.activeElement?.id || document.activeElement?.tagName;
/** Observers tell in a turn of their own. */
async function settle() {
  await vi.advanceTimersByTimeAsync(SETTLED_MS);
  await vi.advanceTimersByTimeAsync(SETTLED_MS);
}
function remove(selector: string) {
  const element = find(selector);
  const had = element.contains(document.activeElement);
  element.remove();
  // Browsers give the focus to the body; the page imitated here may keep it on what is gone.
  if (had && document.activeElement !== document.body) (document.activeElement as HTMLElement | null)?.blur();
}

const TITLE = '<h1 id="title" tabindex="-1" data-page-title>Settings</h1>';
const LIST = `${TITLE}<section><h2 id="keys">Passkeys</h2><ul>
  <li id="one"><button id="b1">Remove</button></li><li id="two"><button id="b2">Remove</button></li></ul></section>`;

test("after one of a list is removed the next has it, and none of its buttons", async () => {
  show(LIST);
  find("#b1").focus();
  remove("#one");
  await settle();
  expect(focused()).toBe("two");
});

test("after the last of a list the one before has it", async () => {
  show(LIST);
  find("#b2").focus();
  remove("#two");
  await settle();
  expect(focused()).toBe("one");
});

test("after all of a list its heading has it, and is no stop of the keyboard afterwards", async () => {
  show(LIST);
  find("#b2").focus();
  remove("ul");
  await settle();
  expect(focused()).toBe("keys");
  find("#keys").blur();
  expect(find("#keys").hasAttribute("tabindex")).toBe(false);
});

test("after the only notice above a page the page's title has it", async () => {
  show(`<section><div class="notice"><button id="seen">Seen</button></div></section><div>${TITLE}</div>`);
  find("#seen").focus();
  remove("section");
  await settle();
  expect(focused()).toBe("title");
});

test("a button that rests while it works has it again", async () => {
  show(LIST);
  find("#b1").focus();
  find("#b1").disabled = true;
  find("#b1").blur(); // As browsers do.
  await settle();
  find("#b1").disabled = false;
  await settle();
  expect(focused()).toBe("b1");
});

test("whoever left it is not brought back", async () => {
  show(LIST);
  find("#b1").focus();
  find("#title").dispatchEvent(new Event("pointerdown", { bubbles: true }));
  find("#b1").blur();
  remove("#one");
  await settle();
  expect(focused()).toBe("BODY");
});

test("where it is by now it stays", async () => {
  show(LIST);
  find("#b1").focus();
  find("#b2").focus();
  remove("#one");
  await settle();
  expect(focused()).toBe("b2");
});

test("an open dialog holds it, and what it was opened from may be gone when it closes", async () => {
  show(LIST);
  find("#b1").focus();
  find("#beside").append(...parse('<div role="dialog"><button id="sure">Sure</button></div>'));
  find("#sure").focus();
  find("#sure").dispatchEvent(new Event("pointerdown", { bubbles: true }));
  remove("#one");
  await settle();
  expect(focused()).toBe("sure");
  remove('[role="dialog"]');
  await settle();
  expect(focused()).toBe("two");
});
