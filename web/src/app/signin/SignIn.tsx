/** Who are you? The people whose keys this browser holds; a field for a link; a way to verify without signing in. */

import { Button, Stack, Text, TextInput } from "@mantine/core";
import { useEffect, useState, type FormEvent } from "react";
import { Failure, Icon, Loading, Page } from "~/components";
import { Link, go } from "~/router";
import { asApiError, endedNow, knownPeople, signIn, type ApiError, type KnownPerson } from "~/session";
import { useStrings } from "~/strings";
import { Mark } from "~/theme/Mark";
import { placeOfLink } from "../join/invitation";
import styles from "./SignIn.module.css";

export default function SignIn() {
  const words = useStrings().signIn;
  const { people, error, again } = usePeople();
  const ended = endedNow();
  return (
    <Page
      title={words.title}
      width="narrow"
      {...(people !== null && people.length > 0 && { subtitle: words.intro })}
    >
      <Stack gap="xl">
        {ended !== null && (
          <Text role="status" className={styles.ended ?? ""}>
            {words.ended[ended]}
          </Text>
        )}
        {error !== null && <Failure error={error} retry={again} />}
        {people === null && error === null && <Loading shape="list" />}
        {people !== null && people.length > 0 && <People people={people} />}
        {people?.length === 0 && <Welcome />}
        <LinkField open={people?.length === 0} />
        <Text size="sm" c="dimmed">
          {words.verify} <Link to="/verify">{useStrings().app.verify}</Link>
        </Text>
      </Stack>
    </Page>
  );
}

function usePeople() {
  const [people, setPeople] = useState<KnownPerson[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    setError(null);
    knownPeople()
      .then((found) => wanted && setPeople(found))
      .catch((thrown: unknown) => wanted && setError(asApiError(thrown)));
    return () => {
      wanted = false;
    };
  }, [round]);
  return { people, error, again: () => setRound(round + 1) };
}

function People({ people }: { people: KnownPerson[] }) {
  const words = useStrings().signIn;
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const enter = async (actor: string) => {
    setBusy(actor);
    setError(null);
    try {
      await signIn(actor);
    } catch (thrown) {
      setError(asApiError(thrown));
      setBusy(null);
    }
  };
  return (
    <Stack gap="sm">
      {people.map(({ actor, label }) => (
        <Button
          key={actor}
          variant="default"
          classNames={{ root: styles.person ?? "", inner: styles.inner ?? "", label: styles.label ?? "" }}
          loading={busy === actor}
          disabled={busy !== null && busy !== actor}
          leftSection={<Icon name="person" size={24} />}
          rightSection={<Icon name="forward" />}
          onClick={() => void enter(actor)}
        >
          {label || words.unnamed(actor.slice(-6))}
        </Button>
      ))}
      {error !== null && <Failure error={error} />}
    </Stack>
  );
}

function Welcome() {
  const words = useStrings().signIn;
  return (
    <div className={styles.welcome}>
      <Mark size={64} />
      <h2>{words.none}</h2>
      <p>{words.noneHint}</p>
    </div>
  );
}

/** A long link is 200 characters. */
const LINK_MAX = 1000;

function LinkField({ open }: { open: boolean }) {
  const words = useStrings().signIn;
  const [shown, setShown] = useState(false);
  const [link, setLink] = useState("");
  const [wrong, setWrong] = useState(false);
  const follow = (event: FormEvent) => {
    event.preventDefault();
    const place = placeOfLink(link, location.origin);
    setWrong(place === null);
    if (place !== null) go(place);
  };
  if (!open && !shown) {
    return (
      <div>
        <Button variant="subtle" leftSection={<Icon name="link" />} onClick={() => setShown(true)}>
          {words.haveLink}
        </Button>
      </div>
    );
  }
  return (
    <form onSubmit={follow} className={styles.link}>
      <TextInput
        label={words.link}
        description={words.linkHint}
        value={link}
        maxLength={LINK_MAX}
        autoComplete="off"
        inputMode="url"
        error={wrong && words.linkWrong}
        onChange={(event) => {
          setLink(event.currentTarget.value);
          setWrong(false);
        }}
      />
      <Button type="submit" variant="default" mt="sm">
        {words.open}
      </Button>
    </form>
  );
}
