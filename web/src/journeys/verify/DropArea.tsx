/** One large area that takes a file, or a proof with its entry: dropped on it, or chosen by pointer, finger or keyboard. */

import { useId, useState, type DragEvent } from "react";
import { Icon } from "~/components";
import type { PageWords } from "./strings";
import styles from "./verify.module.css";

interface Props {
  readonly words: PageWords;
  /** Several only where they were dropped or chosen together. */
  readonly onFiles: (files: readonly File[]) => void;
}

export function DropArea({ words, onFiles }: Props) {
  const [over, setOver] = useState(false);
  const hint = useId();
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    onFiles([...event.dataTransfer.files]);
  };
  return (
    <label
      className={styles.drop}
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        type="file"
        multiple
        className={styles.input}
        aria-describedby={hint}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = ""; // so that the same file can be chosen again
          onFiles(files);
        }}
      />
      <span className={styles.emblem}>
        <Icon name="proof" size={32} />
      </span>
      <strong>{words.drop}</strong>
      <span className={styles.choose}>{words.choose}</span>
      <span id={hint} className={styles.quiet}>
        {words.kinds}
      </span>
    </label>
  );
}
