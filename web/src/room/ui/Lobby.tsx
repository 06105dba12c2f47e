/** The waiting room: the place in line, in words, and that somebody knows. A change is said to those who do not see it. */
import { useRoomStrings } from "../strings";
import styles from "./room.module.css";

interface Props {
  /** 1 is next; null while it is not known. */
  position: number | null;
  /** The clinician's name. */
  clinician?: string | null;
}

export function Lobby({ position, clinician }: Props) {
  const words = useRoomStrings().lobby;
  const place = position === null ? null : (words.places[position - 1] ?? words.number(position));
  return (
    <section className={styles.lobby} role="status">
      {place !== null && <h2>{position === 1 ? words.first : words.place(place)}</h2>}
      <p>{clinician ? words.knows(clinician) : words.knowsAll}</p>
      <p>{words.stay}</p>
    </section>
  );
}
