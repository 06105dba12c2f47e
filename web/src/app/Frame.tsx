/**
 * The frame around every page: mark, connection, account, the journey's menu (left, or at the bottom of a phone).
 *
 * Guarantees: a change of place moves the focus to the new page's title, so that readers of the screen hear it; the
 * first stop of the keyboard leads past the menu.
 */

import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { Icon } from "~/components";
import { useRoute } from "~/router";
import { live, useSession } from "~/session";
import { useStrings } from "~/strings";
import { Mark } from "~/theme/Mark";
import { AccountMenu } from "./AccountMenu";
import { useFocusKept } from "./focus";
import { useIsFullScreen } from "./fullscreen";
import type { MenuItem } from "./journey";
import styles from "./Frame.module.css";

export function Frame({ menu = [], children }: { menu?: readonly MenuItem[]; children: ReactNode }) {
  const words = useStrings().app;
  const bare = useIsFullScreen();
  const main = useFocusOnChange();
  useFocusKept(main);
  const hasMenu = menu.length > 0 && !bare;
  const skip = () => main.current?.focus();
  // INVARIANT: one tree for both, so that a page which asks for the whole window is not made anew by getting it.
  return (
    <div className={bare ? undefined : styles.frame} data-menu={hasMenu}>
      {!bare && (
        <button type="button" className={styles.skip} onClick={skip}>
          {words.skip}
        </button>
      )}
      {!bare && (
        <header className={styles.header}>
          <a className={styles.brand} href="#/">
            <Mark />
            Telesphor
          </a>
          <Connection />
          <AccountMenu />
        </header>
      )}
      {hasMenu && <Menu items={menu} />}
      <main ref={main} tabIndex={-1} className={bare ? styles.bare : styles.main} data-menu={hasMenu}>
        {children}
      </main>
    </div>
  );
}

function Menu({ items }: { items: readonly MenuItem[] }) {
  const words = useStrings().app;
  const { path } = useRoute();
  const current = currentOf(items, `/${path.join("/")}`);
  return (
    <nav className={styles.menu} aria-label={words.menu}>
      {items.map((item) => (
        <a
          key={item.to}
          className={styles.item}
          href={`#${item.to}`}
          aria-current={item === current ? "page" : undefined}
        >
          <Icon name={item.icon} size={22} />
          <span>{item.label}</span>
          {item.badge !== undefined && item.badge > 0 && (
            <span className={styles.badge}>{item.badge > 99 ? "99+" : item.badge}</span>
          )}
        </a>
      ))}
    </nav>
  );
}

/** The item whose place is the longest beginning of `place`. */
export function currentOf(items: readonly MenuItem[], place: string): MenuItem | undefined {
  return items
    .filter(({ to }) => place === to || place.startsWith(`${to}/`))
    .reduce<MenuItem | undefined>(
      (best, item) => (best === undefined || item.to.length > best.to.length ? item : best),
      undefined,
    );
}

/** The line takes a moment to be there; only then is it broken. */
const PATIENCE_MS = 3000;

/** Said only when it is not as it should be: a broken line. */
function Connection() {
  const words = useStrings().app;
  const session = useSession();
  const open = useSyncExternalStore(
    (listener) => live.onState(listener),
    () => live.open,
  );
  const broken = useLasting(session !== null && !open, PATIENCE_MS);
  return (
    <span role="status">
      {broken && (
        <span className={styles.link} title={words.connecting}>
          <Icon name="offline" size={20} />
          <span className={styles.linkWords}>{words.connecting}</span>
        </span>
      )}
    </span>
  );
}

/** Whether `now` has held for `ms`. */
function useLasting(now: boolean, ms: number): boolean {
  const [lasted, setLasted] = useState(false);
  useEffect(() => {
    if (!now) return;
    const timer = window.setTimeout(() => setLasted(true), ms);
    return () => {
      window.clearTimeout(timer);
      setLasted(false);
    };
  }, [now, ms]);
  return now && lasted;
}

function useFocusOnChange() {
  const main = useRef<HTMLElement>(null);
  const place = useRoute().path.join("/");
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    const title = main.current?.querySelector<HTMLElement>("[data-page-title]");
    (title ?? main.current)?.focus({ preventScroll: true });
  }, [place]);
  return main;
}
