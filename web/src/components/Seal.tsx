/**
 * The seal: a badge on everything that is on the ledger, with its level. Tapping opens the proof drawer.
 *
 * Guarantees: the level is said in a word beside the segments, never by colour alone.
 */

import { useState } from "react";
import { useStrings } from "~/strings";
import { ProofDrawer, type ProofFacts } from "./ProofDrawer";
import { Icon } from "./icons";
import styles from "./Seal.module.css";

export type Level = 1 | 2 | 3 | 4 | 5;

interface Props {
  /** null: written, and not yet in a signed checkpoint. undefined: it is not known here yet. */
  level: Level | null | undefined;
  /** They may change while the drawer is open: what was written a second ago is confirmed meanwhile. */
  facts?: ProofFacts;
  /** The drawer opens: ask for facts that are not at hand yet. */
  onOpen?: () => void;
  size?: "s" | "m";
}

export function Seal({ level, facts, onOpen, size = "m" }: Props) {
  const [opened, setOpened] = useState(false);
  const words = useStrings().seal;
  const className = `${styles.seal} ${size === "s" ? styles.small : ""}`;
  const { short, label, sign } = saidOf(level, words);
  const content = (
    <>
      {sign}
      <span>{short}</span>
    </>
  );
  if (facts === undefined) {
    return (
      <span className={className} title={label}>
        {content}
      </span>
    );
  }
  return (
    <>
      <button
        type="button"
        className={className}
        onClick={() => {
          setOpened(true);
          onOpen?.();
        }}
        aria-label={level === undefined ? words.proof : `${short}. ${words.open(label)}`}
        title={label}
      >
        {content}
      </button>
      <ProofDrawer opened={opened} onClose={() => setOpened(false)} facts={facts} />
    </>
  );
}

function saidOf(level: Props["level"], words: ReturnType<typeof useStrings>["seal"]) {
  if (level === undefined)
    return { short: words.proof, label: words.proof, sign: <Icon name="proof" size={14} /> };
  if (level === null)
    return { short: words.pendingShort, label: words.pending, sign: <Icon name="waiting" size={14} /> };
  return { short: `L${level}`, label: words.level(level), sign: <Segments level={level} /> };
}

function Segments({ level }: { level: Level }) {
  return (
    <span className={styles.bars} aria-hidden>
      {[1, 2, 3, 4, 5].map((at) => (
        <span key={at} className={styles.bar} data-filled={at <= level} />
      ))}
    </span>
  );
}
