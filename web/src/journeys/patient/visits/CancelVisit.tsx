/** Calling a visit off: two taps, and the clinic is told at once. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Confirm } from "~/components";
import { command } from "~/session";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";

export function CancelVisit({ visit, reload }: { visit: string; reload: () => void }) {
  const words = usePatientStrings().visits;
  const [asking, setAsking] = useState(false);
  return (
    <div className={styles.foot}>
      <Button variant="subtle" color="gray" onClick={() => setAsking(true)}>
        {words.cancel}
      </Button>
      <Confirm
        opened={asking}
        title={`${words.cancel}?`}
        confirm={words.cancel}
        danger
        onConfirm={async () => {
          await command("visit.end/1", { visit, outcome: "cancelled" });
          reload();
        }}
        onClose={() => setAsking(false)}
      >
        {words.cancelText}
      </Confirm>
    </div>
  );
}
