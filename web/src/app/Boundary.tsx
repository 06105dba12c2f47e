/** Catches what a page throws while it is drawn: the reader is told, and the rest of the app goes on. */

import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Icon } from "~/components";
import { stringsNow } from "~/strings";
import styles from "./Boundary.module.css";

interface Props {
  children: ReactNode;
}

export class Boundary extends Component<Props, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    const words = stringsNow().app;
    return (
      <div className={styles.broken} role="alert">
        <Icon name="alarm" size={32} />
        <h1>{words.broken}</h1>
        <p>{words.brokenHint}</p>
        <Button onClick={() => location.reload()}>{words.reload}</Button>
      </div>
    );
  }
}
