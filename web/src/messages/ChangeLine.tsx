/** A line that says who was added or removed by whom, or left. */

import { Icon, TimeText } from "~/components";
import { useMe } from "~/session";
import styles from "./messages.module.css";
import { useMessageStrings, type MessageStrings } from "./strings";
import type { Change, Member } from "./types";

interface Props {
  change: Change;
  members: readonly Member[];
}

export function ChangeLine({ change, members }: Props) {
  const words = useMessageStrings();
  const { actor } = useMe();
  return (
    <li className={styles.change}>
      <Icon name={change.what === "added" ? "plus" : "leave"} size={16} />
      <span>
        {changeText(change, { words, me: actor, members })} <TimeText at={change.at} style="time" />
      </span>
    </li>
  );
}

interface Told {
  words: Pick<MessageStrings, "changes" | "nameless" | "theClinic">;
  me: string;
  members: readonly Member[];
}

/** Whoever is not, and was not known, in the conversation is the clinic: nobody else adds or removes from outside. */
export function changeText(change: Change, told: Told): string {
  const text = sentenceOf(change, told);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function sentenceOf(
  { what, actor, name, by, by_name }: Change,
  { words: { changes, nameless, theClinic }, me, members }: Told,
): string {
  const isMember = members.some((one) => one.actor === by);
  const byWhom = by_name ?? (isMember ? nameless : theClinic);
  const whom = name ?? nameless;
  if (what === "left") return actor === me ? changes.youLeft : changes.left(whom);
  if (by === me) return changes[what].byYou(whom);
  return actor === me ? changes[what].you(byWhom) : changes[what].by(whom, byWhom);
}
