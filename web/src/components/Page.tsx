/** The head of a page: its one h1, what it is for, and what one can do with it. Sets the window's title too. */

import { Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";
import styles from "./words.module.css";

interface Props {
  title: string;
  /** What the window is called, where the page has somebody's name: browsers keep it in their history. */
  windowTitle?: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
  /** `narrow`: one small form. `text`: at most 70 characters wide. `wide`: tables, plots, columns. */
  width?: "narrow" | "text" | "wide";
  children?: ReactNode;
}

export function Page({ title, windowTitle = title, subtitle, actions, width = "wide", children }: Props) {
  useEffect(() => {
    document.title = `${windowTitle} · Telesphor`;
  }, [windowTitle]);
  return (
    <div className={`${styles.page} ${styles[width]}`}>
      <div className={styles.head}>
        <div>
          <Title order={1} className={styles.title ?? ""} tabIndex={-1} data-page-title>
            {title}
          </Title>
          {subtitle !== undefined && <p className={styles.subtitle}>{subtitle}</p>}
        </div>
        {actions}
      </div>
      {children}
    </div>
  );
}
