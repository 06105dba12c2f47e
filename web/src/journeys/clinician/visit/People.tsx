/** Everybody with a part in the visit: where they are, and letting in, sending back, removing. */

import { Button, Group } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon, TimeText } from "~/components";
import { asApiError, useMe } from "~/session";
import styles from "../clinician.module.css";
import { lacksConsent, presentSeats, type Seat, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { moderate } from "../visits";

interface Props {
  visit: Visit;
  onAdmit: (seat: Seat) => void;
  onChange: () => void;
}

export function People({ visit, onAdmit, onChange }: Props) {
  const words = useClinicianStrings().people;
  const [removing, setRemoving] = useState<Seat | null>(null);
  const [fault, setFault] = useState("");
  const back = (seat: Seat) => {
    setFault("");
    moderate(visit.visit, seat.actor, "lobby")
      .then(onChange)
      .catch((error: unknown) => setFault(asApiError(error).message));
  };
  return (
    <>
      <ul className={styles.seats}>
        {presentSeats(visit).map((seat) => (
          <li key={seat.actor}>
            <Line
              visit={visit}
              seat={seat}
              onAdmit={() => onAdmit(seat)}
              onBack={() => back(seat)}
              onRemove={() => setRemoving(seat)}
            />
          </li>
        ))}
      </ul>
      {fault !== "" && (
        <p role="alert" className={styles.fault}>
          {fault}
        </p>
      )}
      <Confirm
        opened={removing !== null}
        title={words.removeTitle(removing?.name ?? words.thisPerson)}
        confirm={words.remove}
        danger
        onConfirm={async () => {
          if (removing !== null) await moderate(visit.visit, removing.actor, "remove");
          onChange();
        }}
        onClose={() => setRemoving(null)}
      >
        {words.removeText}
      </Confirm>
    </>
  );
}

function Line({
  visit,
  seat,
  onAdmit,
  onBack,
  onRemove,
}: {
  visit: Visit;
  seat: Seat;
  onAdmit: () => void;
  onBack: () => void;
  onRemove: () => void;
}) {
  const strings = useClinicianStrings();
  const words = strings.people;
  const { actor } = useMe();
  const isMe = seat.actor === actor;
  const isLead = seat.role === "clinician";
  const lacks = lacksConsent(visit, seat);
  return (
    <div className={styles.seat}>
      <Icon name={SIGNS[seat.state] ?? "person"} size={20} />
      <span className={styles.rowWords}>
        <strong>{isMe ? words.you : (seat.name ?? strings.unnamed)}</strong>
        <span className={styles.quiet}>
          {words.roles[seat.role]} · {words.states[seat.state]}
          {seat.state === "waiting" && (
            <>
              {" "}
              <TimeText at={seat.since} style="ago" />
            </>
          )}
        </span>
        {seat.state === "waiting" && lacks !== null && (
          <span className={styles.quiet}>{words.lacks[lacks]}</span>
        )}
      </span>
      {!isMe && !isLead && (
        <Group gap="xs">
          {seat.state === "waiting" && (
            <Button disabled={lacks !== null} onClick={onAdmit}>
              {words.admit}
            </Button>
          )}
          {seat.state === "admitted" && (
            <Button variant="default" onClick={onBack}>
              {words.lobby}
            </Button>
          )}
          <Button
            variant="subtle"
            color="red"
            aria-label={words.removeTitle(seat.name ?? words.thisPerson)}
            onClick={onRemove}
          >
            {words.remove}
          </Button>
        </Group>
      )}
    </div>
  );
}

const SIGNS: Partial<Record<Seat["state"], "waiting" | "check" | "visit" | "leave" | "circle">> = {
  expected: "circle",
  "checked-in": "check",
  waiting: "waiting",
  admitted: "visit",
  left: "leave",
};
