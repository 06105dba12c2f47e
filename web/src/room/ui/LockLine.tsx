/** What protects this visit, in one line; red, and said aloud, while it is recorded. The truth behind it is one press away. */
import { Popover } from "@mantine/core";
import { Icon } from "~/components";
import { useRoomStrings } from "../strings";
import styles from "./room.module.css";

export function LockLine({ sealed, recording }: { sealed: boolean; recording: "off" | "on" | "ending" }) {
  const words = useRoomStrings().lock;
  const about = { off: words.recordingOff, on: words.recordingOn, ending: words.recordingEnding }[recording];
  return (
    <div className={styles.lock} data-recording={recording === "on" || undefined}>
      <Icon name={recording === "on" ? "record" : sealed ? "lock" : "waiting"} size={16} />
      <span>{sealed ? words.sealed : words.exchanging}</span>
      <strong role="status">{about}</strong>
      <Popover width={320} withArrow>
        <Popover.Target>
          <button type="button" className={styles.small} aria-label={words.more}>
            <Icon name="question" size={20} />
          </button>
        </Popover.Target>
        <Popover.Dropdown>
          <p>{words.frames}</p>
          <p>{words.notSafe}</p>
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}
