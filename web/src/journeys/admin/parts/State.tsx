/** The state of an actor, a device or a contract: a sign and a word. */

import { Icon, type IconName } from "~/components";
import { useAdminStrings } from "../strings";
import styles from "./parts.module.css";

const SIGNS: Record<string, { icon: IconName; tone: "fine" | "wait" | "quiet" | "alarm" }> = {
  active: { icon: "check", tone: "fine" },
  enrolled: { icon: "check", tone: "fine" },
  deployed: { icon: "check", tone: "fine" },
  suspended: { icon: "pause", tone: "wait" },
  paused: { icon: "pause", tone: "wait" },
  quarantined: { icon: "lock", tone: "wait" },
  halted: { icon: "alarm", tone: "alarm" },
  outFor: { icon: "pause", tone: "wait" },
  keysLost: { icon: "key", tone: "alarm" },
  retired: { icon: "minus", tone: "quiet" },
  revoked: { icon: "minus", tone: "quiet" },
};

export function State({ state }: { state: string }) {
  const words = useAdminStrings().states;
  const { icon, tone } = SIGNS[state] ?? { icon: "circle", tone: "quiet" };
  return (
    <span className={styles.state} data-tone={tone}>
      <Icon name={icon} size={16} />
      {words[state] ?? state}
    </span>
  );
}

interface Tab {
  to: string;
  label: string;
  here: boolean;
}

/** Two lists of one subject, as places of their own. */
export function Tabs({ tabs, label }: { tabs: readonly Tab[]; label: string }) {
  return (
    <nav className={styles.tabs} aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.to} href={`#${tab.to}`} aria-current={tab.here ? "page" : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  );
}
