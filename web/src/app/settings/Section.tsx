/** One part of the settings. */

import type { ReactNode } from "react";
import styles from "./Settings.module.css";

export function Section({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <section className={styles.section}>
      <h2>{title}</h2>
      {text !== undefined && <p>{text}</p>}
      {children}
    </section>
  );
}
