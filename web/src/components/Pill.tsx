/** One or a few words that stand out on a line: what something is, or how it stands. */

import type { ReactNode } from "react";
import { Icon, type IconName } from "./icons";
import styles from "./Pill.module.css";

interface Props {
  icon?: IconName;
  /** Quiet where none is given. */
  tone?: "accent" | "wait" | "alarm" | undefined;
  /** Shown when one rests on it. */
  title?: string;
  children: ReactNode;
}

export function Pill({ icon, tone, title, children }: Props) {
  return (
    <span className={styles.pill} data-tone={tone} title={title}>
      {icon !== undefined && <Icon name={icon} size={16} />}
      {children}
    </span>
  );
}
