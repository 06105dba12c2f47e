/** Opens a conversation: with whom, and about whom. A patient's is about that patient. */

import { Button, Checkbox, NativeSelect, Stack } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Empty, Failure } from "~/components";
import { go, useRoute } from "~/router";
import { asApiError, command, nodeClient, useMe, type ApiError } from "~/session";
import { useKnown, type Known } from "./people";
import { useMessageStrings } from "./strings";
import type { Side } from "./types";

interface Props {
  base: string;
  role: Side;
  to: readonly Known[] | undefined;
}

export function NewThread({ base, role, to }: Props) {
  const words = useMessageStrings();
  const roles: Record<string, string> = words.roles;
  const { actor } = useMe();
  const known = useKnown(to);
  const wanted = useRoute().query.get("with");
  const [chosen, setChosen] = useState<string[]>(wanted === null ? [] : [wanted]);
  const [subject, setSubject] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const people = known.filter((one) => chosen.includes(one.actor));
  const patients = known.filter((one) => one.role === "patient");
  const about = role === "patient" ? actor : (subject ?? people.find(isPatient)?.actor ?? null);

  const begin = async (event: FormEvent) => {
    event.preventDefault();
    if (people.length === 0) return;
    setBusy(true);
    setFault(null);
    try {
      const thread = nodeClient().ids.next();
      const members = [{ actor, role }, ...people.map((one) => ({ actor: one.actor, role: one.role }))];
      await command("thread.open/1", {
        thread,
        subject: about === "" ? null : about,
        members,
        retention_days: null,
      });
      go(`${base}/${thread}`, { replace: true });
    } catch (error) {
      setFault(asApiError(error));
      setBusy(false);
    }
  };
  if (known.length === 0) return <Empty icon="people" title={words.toNobody} />;
  return (
    <form onSubmit={(event) => void begin(event)}>
      <Stack gap="lg">
        <h2>{words.newTitle}</h2>
        <Checkbox.Group label={words.to} description={words.toHint} value={chosen} onChange={setChosen}>
          <Stack gap="sm" mt="sm">
            {known.map((one) => (
              <Checkbox
                key={one.actor}
                value={one.actor}
                label={one.name ?? words.nobody}
                description={roles[one.role] ?? one.role}
              />
            ))}
          </Stack>
        </Checkbox.Group>
        {role === "clinician" && (
          <NativeSelect
            label={words.aboutWhom}
            value={about ?? ""}
            onChange={(event) => setSubject(event.currentTarget.value)}
            data={[
              { value: "", label: words.aboutNobody },
              ...patients.map((one) => ({ value: one.actor, label: one.name ?? words.nobody })),
            ]}
          />
        )}
        {fault !== null && <Failure error={fault} />}
        <Button type="submit" loading={busy} disabled={people.length === 0}>
          {words.begin}
        </Button>
      </Stack>
    </form>
  );
}

function isPatient(one: Known): boolean {
  return one.role === "patient";
}
