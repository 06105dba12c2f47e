/** The others large, oneself small in a corner; a shared screen takes the large place. */
import { Menu } from "@mantine/core";
import { useMemo, useState, type PointerEvent } from "react";
import { Icon } from "~/components";
import type { RoomPerson, RoomState } from "../mesh/state";
import { useRoomStrings } from "../strings";
import styles from "./room.module.css";
import { Picture, Voice } from "./Track";

interface Props {
  state: RoomState;
  nameOf: (actor: string) => string;
  /** Given to whoever leads the visit: send back, or remove. */
  onModerate?: ((person: RoomPerson, what: "lobby" | "remove") => void) | undefined;
}

export function People({ state, nameOf, onModerate }: Props) {
  const words = useRoomStrings();
  const screens = state.others.filter((person) => person.state.screen);
  return (
    <div className={styles.stage} data-screen={screens.length > 0 || undefined}>
      {screens.map((person) => (
        <figure key={person.tab} className={styles.screen}>
          <Picture stream={person.streams.screen} label={words.screenOf(nameOf(person.actor))} />
        </figure>
      ))}
      <ul className={styles.people} aria-label={words.people} data-count={state.others.length}>
        {state.others.map((person) => (
          <Person key={person.tab} person={person} name={nameOf(person.actor)} onModerate={onModerate} />
        ))}
      </ul>
      {state.others.length === 0 && state.phase !== "joining" && (
        <p className={styles.alone}>{words.waitingForOthers}</p>
      )}
      <Me state={state} />
    </div>
  );
}

function Person({
  person,
  name,
  onModerate,
}: {
  person: RoomPerson;
  name: string;
  onModerate: Props["onModerate"];
}) {
  const words = useRoomStrings();
  const { state, path, streams } = person;
  const roles: Record<string, string> = words.roles;
  return (
    <li className={styles.person}>
      {state.camera ? (
        <Picture stream={streams.camera} label={name} />
      ) : (
        <span className={styles.initials} role="img" aria-label={words.noPicture(name)}>
          {initialsOf(name)}
        </span>
      )}
      <Voice stream={streams.microphone} />
      <div className={styles.caption}>
        {!state.microphone && <Icon name="microphone-off" size={16} label={words.mutedPerson(name)} />}
        <span className={styles.name} title={name}>
          {name}, {roles[person.role] ?? person.role}
        </span>
        {path !== "connected" && <em>{path === "broken" ? words.broken : words.connecting}</em>}
        {path === "connected" && state.quality !== "good" && <em>{words.quality[state.quality]}</em>}
        {onModerate !== undefined && <Moderation person={person} name={name} onModerate={onModerate} />}
      </div>
    </li>
  );
}

function Moderation({
  person,
  name,
  onModerate,
}: {
  person: RoomPerson;
  name: string;
  onModerate: NonNullable<Props["onModerate"]>;
}) {
  const words = useRoomStrings().moderation;
  return (
    <Menu position="top-end">
      <Menu.Target>
        <button type="button" className={styles.small} aria-label={words.title(name)}>
          <Icon name="more" size={20} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onModerate(person, "lobby")}>{words.lobby}</Menu.Item>
        <Menu.Item color="red" onClick={() => onModerate(person, "remove")}>
          {words.remove}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const CORNERS = ["end-bottom", "end-top", "start-top", "start-bottom"] as const;

function Me({ state }: { state: RoomState }) {
  const words = useRoomStrings();
  const [corner, setCorner] = useState(0);
  const { camera, screen } = state.mine;
  const shown = camera ?? screen;
  const stream = useMemo(() => (shown === null ? null : new MediaStream([shown])), [shown]);
  const drop = (event: PointerEvent<HTMLButtonElement>) => {
    const box = event.currentTarget.parentElement?.getBoundingClientRect();
    if (box === undefined || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const isEnd = event.clientX > box.left + box.width / 2;
    const isBottom = event.clientY > box.top + box.height / 2;
    setCorner(isEnd ? (isBottom ? 0 : 1) : isBottom ? 3 : 2);
  };
  return (
    <button
      type="button"
      className={styles.me}
      data-corner={CORNERS[corner]}
      aria-label={words.moveMe}
      onKeyDown={(event) => event.key === "Enter" && setCorner((corner + 1) % CORNERS.length)}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerUp={drop}
    >
      {stream === null ? (
        <Icon name="person" size={24} />
      ) : (
        <Picture stream={stream} label={words.you} mirrored={shown === camera} />
      )}
    </button>
  );
}

function initialsOf(name: string): string {
  const letters = name.split(/\s+/).map((word) => word[0] ?? "");
  return letters.slice(0, 2).join("").toUpperCase();
}
