/** One word of the sentence that can be changed: it opens what it could be instead. */

import { Popover } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { Icon } from "~/components";
import styles from "./log.module.css";

interface Props {
  /** What is chosen, as it stands in the sentence. */
  shown: string;
  /** What kind of choice it is, for those who do not see the sentence. */
  label: string;
  /** Whether it is something else than the usual. */
  isSet: boolean;
  children: (close: () => void) => ReactNode;
}

export function Choice({ shown, label, isSet, children }: Props) {
  const [opened, setOpened] = useState(false);
  const close = () => setOpened(false);
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-start"
      width={320}
      trapFocus
      returnFocus
      shadow="md"
      radius="md"
    >
      <Popover.Target>
        <button
          type="button"
          className={styles.choice}
          data-set={isSet || undefined}
          aria-label={`${label}: ${shown}`}
          aria-haspopup="dialog"
          aria-expanded={opened}
          onClick={() => setOpened(!opened)}
        >
          {shown}
          <Icon name="down" size={14} />
        </button>
      </Popover.Target>
      <Popover.Dropdown className={styles.dropdown ?? ""} aria-label={label}>
        {children(close)}
      </Popover.Dropdown>
    </Popover>
  );
}

interface Option<T> {
  value: T;
  label: string;
}

interface OptionsProps<T> {
  options: readonly Option<T>[];
  chosen: T;
  onPick: (value: T) => void;
  title?: string;
}

/** A list of which one is chosen. */
export function Options<T extends string | null>({ options, chosen, onPick, title }: OptionsProps<T>) {
  return (
    <div role="group" aria-label={title}>
      {title !== undefined && <div className={styles.optionsTitle}>{title}</div>}
      {options.map(({ value, label }) => (
        <button
          key={value ?? ""}
          type="button"
          className={styles.option}
          aria-pressed={value === chosen}
          onClick={() => onPick(value)}
        >
          <span>{label}</span>
          {value === chosen && <Icon name="check" size={18} />}
        </button>
      ))}
    </div>
  );
}
