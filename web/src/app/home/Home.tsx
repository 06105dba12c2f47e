/** The start: with one journey it is that journey; with several, a choice. Who has no name yet is asked for it once. */

import { Button, Group, TextInput } from "@mantine/core";
import { useEffect, useState, type FormEvent } from "react";
import { Failure, Icon, Page, type IconName } from "~/components";
import { go } from "~/router";
import { api, asApiError, refreshSession, useMe, type ApiError } from "~/session";
import { useStrings } from "~/strings";
import { journeysOf, type JourneyName } from "../journeys";
import styles from "./Home.module.css";

const ICONS: Record<JourneyName, IconName> = {
  patient: "heart",
  clinician: "visit",
  auditor: "eye",
  admin: "server",
};

export default function Home() {
  const strings = useStrings();
  const words = strings.home;
  const { name, kind, roles } = useMe();
  const journeys = journeysOf({ kind, roles });
  const only = journeys.length === 1 && name !== null ? journeys[0] : undefined;
  useEffect(() => {
    if (only !== undefined) go(`/${only}`, { replace: true });
  }, [only]);
  if (only !== undefined) return null;
  return (
    <Page title={name === null ? words.titleNobody : words.title(name)} subtitle={words.choose} width="text">
      {name === null && <NameField />}
      <ul className={styles.choices}>
        {journeys.map((journey) => (
          <li key={journey}>
            <a className={styles.choice} href={`#/${journey}`}>
              <span className={styles.icon}>
                <Icon name={ICONS[journey]} size={24} />
              </span>
              <span>
                <strong>{strings.journeys[journey].name}</strong>
                <span>{strings.journeys[journey].about}</span>
              </span>
              <Icon name="forward" />
            </a>
          </li>
        ))}
      </ul>
    </Page>
  );
}

const NAME_MAX = 200;

/** One's own name, into the directory: it is never in a signed command. */
export function NameField({ initial = "", onSaved }: { initial?: string; onSaved?: () => void }) {
  const words = useStrings();
  const { actor } = useMe();
  const [name, setName] = useState(initial);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    setBusy(true);
    setError(null);
    try {
      await api.put("/v1/app/people/{actor}", { params: { actor }, body: { name: name.trim() } });
      await refreshSession();
      onSaved?.();
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void save(event)}>
      <Group align="flex-end" gap="sm" mb="lg">
        <TextInput
          label={initial === "" ? words.home.nameMissing : words.settings.name}
          value={name}
          maxLength={NAME_MAX}
          autoComplete="name"
          onChange={(event) => setName(event.currentTarget.value)}
          flex="1 1 14rem"
        />
        <Button type="submit" loading={busy} disabled={name.trim() === "" || name.trim() === initial}>
          {words.home.save}
        </Button>
      </Group>
      {error !== null && <Failure error={error} />}
    </form>
  );
}
