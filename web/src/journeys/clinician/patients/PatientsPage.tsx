/** A clinician's patients, found by name; and, for an emergency, anybody by their id. */

import { Button, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Await, DataList, Empty, Failure, Icon, Page, TimeText } from "~/components";
import { go, pathOf } from "~/router";
import styles from "../clinician.module.css";
import { useClinicianStrings } from "../strings";
import { findPatients, type KnownPatient } from "./known";
import { usePatients } from "./usePatients";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function PatientsPage() {
  const words = useClinicianStrings().patients;
  const { view, isWhole, patients, earlier } = usePatients();
  const [sought, setSought] = useState("");
  const found = findPatients(patients, sought);
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <Stack gap="xl">
        <Await
          view={view}
          isEmpty={() => isWhole && patients.length === 0}
          empty={<Empty icon="people" title={words.empty} />}
        >
          {() => (
            <Stack gap="md">
              <TextInput
                className={styles.search ?? ""}
                type="search"
                label={words.search}
                value={sought}
                autoComplete="off"
                spellCheck={false}
                leftSection={<Icon name="search" size={18} />}
                onChange={(event) => setSought(event.currentTarget.value)}
              />
              {found.length === 0 ? (
                <Empty icon="search" title={words.noneFound} action={<p>{words.noneFoundText}</p>} />
              ) : (
                <Patients patients={found} />
              )}
              {earlier.load !== null && (
                <div>
                  <Button variant="default" loading={earlier.busy} onClick={earlier.load}>
                    {words.earlier}
                  </Button>
                </div>
              )}
              {earlier.error !== null && <Failure error={earlier.error} />}
            </Stack>
          )}
        </Await>
        <ById />
      </Stack>
    </Page>
  );
}

function Patients({ patients }: { patients: readonly KnownPatient[] }) {
  const strings = useClinicianStrings();
  const words = strings.patients;
  return (
    <DataList
      caption={words.title}
      rows={patients}
      rowKey={({ actor }) => actor}
      onRow={({ actor }) => go(pathOf("clinician", "patients", actor))}
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
          render: ({ lastAt }) => (lastAt === null ? words.never : <TimeText at={lastAt} />),
        },
        {
          key: "visits",
          title: words.visits,
          numeric: true,
          render: ({ visits }) => visits,
        },
      ]}
    />
  );
}

/** The last resort: of whoever is not one's own this clinic tells no name, so that only their id leads to them. */
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
    <details className={styles.lastResort}>
      <summary>{words.byId}</summary>
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
    </details>
  );
}
