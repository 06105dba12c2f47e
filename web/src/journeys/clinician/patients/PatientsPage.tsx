/** The patients of one's visits; and, for an emergency, anybody by their id. */

import { Button, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Await, DataList, Empty, Icon, Page, TimeText } from "~/components";
import { go, pathOf } from "~/router";
import { useView } from "~/session";
import styles from "../clinician.module.css";
import type { VisitList } from "../shapes";
import { useClinicianStrings } from "../strings";
import { patientsIn, type KnownPatient } from "./known";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function PatientsPage() {
  const strings = useClinicianStrings();
  const words = strings.patients;
  const past = useView<VisitList>("/v1/app/visits", { query: { which: "past", limit: 100 } });
  const upcoming = useView<VisitList>("/v1/app/visits", { query: { which: "upcoming", limit: 100 } });
  const known = patientsIn([...(upcoming.data?.visits ?? []), ...(past.data?.visits ?? [])]);
  const open = ({ actor }: KnownPatient) => go(pathOf("clinician", "patients", actor));
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <Stack gap="xl">
        <Await
          view={upcoming}
          isEmpty={() => past.state !== "loading" && known.length === 0}
          empty={<Empty icon="people" title={words.empty} />}
        >
          {() => (
            <DataList
              caption={words.title}
              rows={known}
              rowKey={({ actor }) => actor}
              onRow={open}
              columns={[
                {
                  key: "name",
                  title: words.name,
                  primary: true,
                  render: ({ name }) => name ?? strings.unnamed,
                },
                {
                  key: "last",
                  title: words.last,
                  render: ({ lastAt }) => <TimeText at={lastAt} />,
                },
                {
                  key: "visits",
                  title: words.visits,
                  numeric: true,
                  render: ({ visits }) => visits,
                },
              ]}
            />
          )}
        </Await>
        <ById />
      </Stack>
    </Page>
  );
}

function ById() {
  const words = useClinicianStrings().patients;
  const [id, setId] = useState("");
  const [isWrong, setWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = id.trim().toLowerCase();
    setWrong(!ID.test(wanted));
    if (ID.test(wanted)) go(pathOf("clinician", "patients", wanted));
  };
  return (
    <section>
      <h2 className={styles.heading}>{words.byId}</h2>
      <p className={styles.quiet}>{words.byIdText}</p>
      <form onSubmit={submit} className={styles.byId}>
        <TextInput
          aria-label={words.id}
          placeholder={words.id}
          value={id}
          maxLength={64}
          autoComplete="off"
          spellCheck={false}
          error={isWrong ? words.idWrong : undefined}
          onChange={(event) => setId(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" leftSection={<Icon name="search" />}>
          {words.find}
        </Button>
      </form>
    </section>
  );
}
