/** Places that belong together, as links above the page: the address says where one is. */

import { useRoute } from "~/router";
import styles from "./patient.module.css";

export function Tabs({ label, items }: { label: string; items: readonly { to: string; label: string }[] }) {
  const here = `/${useRoute().path.join("/")}`;
  return (
    <nav className={styles.tabs} aria-label={label}>
      {items.map(({ to, label: text }) => (
        <a key={to} className={styles.tab} href={`#${to}`} aria-current={here === to ? "page" : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}
