/** The page behind a link: who invites, one's name, a passcode where the clinic wants one, and one is in. */

import { Button, Group, NativeSelect, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useEffect, useState, type FormEvent } from "react";
import { Check, Failure, Icon, Loading, Offline, Page, TimeText } from "~/components";
import { Link, go } from "~/router";
import { asApiError, knownPeople, sessionNow, type ApiError, type KnownPerson } from "~/session";
import { useStrings } from "~/strings";
import { journeysOf } from "../journeys";
import {
  accept,
  invitationOf,
  isWrongPasscode,
  join,
  look,
  nextPlace,
  type Invitation,
  type JoinStep,
  type Look,
} from "./invitation";

/** The directory takes this much. */
const NAME_MAX = 200;
const PASSCODE_MAX = 64;

export default function Join({ path }: { path: readonly string[] }) {
  const invitation = invitationOf(path);
  if (invitation === null) return <Refused code="invitation-refused" />;
  return <Looked key={path.join("/")} invitation={invitation} />;
}

function Looked({ invitation }: { invitation: Invitation }) {
  const { seen, people, error, again } = useLook(invitation);
  if (error?.code === "offline") return <Offline retry={again} />;
  if (error !== null) return <Refused code={error.code} error={error} retry={again} />;
  if (seen === null) return <Loading shape="text" />;
  return <Form invitation={invitation} seen={seen} people={people} />;
}

function useLook(invitation: Invitation) {
  const [seen, setSeen] = useState<Look | null>(null);
  const [people, setPeople] = useState<readonly KnownPerson[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const { invitation: id, code } = invitation;
  useEffect(() => {
    const stop = new AbortController();
    setError(null);
    const ask = async () => {
      const found = await look({ invitation: id, code }, stop.signal);
      setPeople(whoMayTake(found, await knownPeople()));
      setSeen(found);
    };
    ask().catch((thrown: unknown) => {
      if (!stop.signal.aborted) setError(asApiError(thrown));
    });
    return () => stop.abort();
  }, [id, code, round]);
  return { seen, people, error, again: () => setRound(round + 1) };
}

/** Who of those whose keys are here may take the link: the invited itself; where that one is new, and no seat waits for it, anybody. */
function whoMayTake(seen: Look, people: readonly KnownPerson[]): readonly KnownPerson[] {
  if (seen.known) return people.filter(({ actor }) => actor === seen.actor);
  return seen.visit === null ? people : [];
}

interface FormProps {
  invitation: Invitation;
  seen: Look;
  /** Whose keys are in this browser, and who may take the link with them. */
  people: readonly KnownPerson[];
}

function Form({ invitation, seen, people }: FormProps) {
  const words = useStrings().join;
  // A link for somebody new is for somebody new, unless one says who one is: families share a browser.
  const [chosen, setChosen] = useState(seen.known ? (people[0]?.actor ?? "") : "");
  const own = people.find(({ actor }) => actor === chosen) ?? null;
  const [name, setName] = useState("");
  const [passcode, setPasscode] = useState("");
  const [asked, setAsked] = useState(false);
  const [step, setStep] = useState<JoinStep | null>(null);
  const [left, setLeft] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  if (seen.known && own === null)
    return <Note title={words.title(seen.name ?? seen.host)} text={words.knownElsewhere} />;
  if (error !== null) return <Refused code={error.code} error={error} retry={() => setError(null)} />;

  const missing = {
    name: own === null && name.trim() === "",
    passcode: seen.needs_passcode && passcode === "",
  };
  const enter = async (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    if (missing.name || missing.passcode) return;
    try {
      const secret = seen.needs_passcode ? { passcode } : {};
      if (own === null) await join(invitation, seen, { name: name.trim(), onStep: setStep, ...secret });
      else {
        setStep("enter");
        await accept(invitation, own.actor, secret.passcode);
      }
      const session = sessionNow();
      go(nextPlace(seen, session === null ? "patient" : (journeysOf(session)[0] ?? "patient")), {
        replace: true,
      });
    } catch (thrown) {
      const refused = asApiError(thrown);
      setStep(null);
      if (!isWrongPasscode(refused)) return setError(refused);
      setLeft((left ?? seen.tries_left) - 1);
      setPasscode("");
    }
  };
  return (
    <Page
      title={words.title(seen.name ?? seen.host)}
      subtitle={seen.visit === null ? words.noVisit : words.visit}
      width="narrow"
    >
      <form onSubmit={(event) => void enter(event)} noValidate>
        <Stack gap="lg">
          {people.length > 0 && !seen.known && (
            <NativeSelect
              label={words.who}
              description={words.whoHint}
              value={chosen}
              disabled={step !== null}
              onChange={(event) => setChosen(event.currentTarget.value)}
              data={[
                ...people.map(({ actor, label }) => ({ value: actor, label })),
                { value: "", label: words.somebodyNew },
              ]}
            />
          )}
          {own === null && (
            <TextInput
              label={words.name}
              description={words.nameHint}
              value={name}
              maxLength={NAME_MAX}
              autoComplete="name"
              disabled={step !== null}
              onChange={(event) => setName(event.currentTarget.value)}
              error={asked && missing.name && words.nameMissing}
              data-autofocus
            />
          )}
          {seen.needs_passcode && (
            <PasswordInput
              label={words.passcode}
              description={words.passcodeHint}
              value={passcode}
              maxLength={PASSCODE_MAX}
              autoComplete="one-time-code"
              disabled={step !== null}
              onChange={(event) => setPasscode(event.currentTarget.value)}
              error={
                left !== null && passcode === ""
                  ? words.passcodeWrong(left)
                  : asked && missing.passcode && words.passcodeMissing
              }
            />
          )}
          <Button type="submit" loading={step !== null} size="lg">
            {own === null ? words.go : words.known(own.label)}
          </Button>
          {step === null ? (
            <Text size="sm" c="dimmed">
              {words.until} <TimeText at={seen.expires_at} />.
            </Text>
          ) : (
            <Steps at={step} fresh={own === null} />
          )}
          {own === null && <Kept>{words.keysNote}</Kept>}
        </Stack>
      </form>
    </Page>
  );
}

function Kept({ children }: { children: string }) {
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start" c="dimmed">
      <Icon name="lock" size={18} />
      <Text size="sm">{children}</Text>
    </Group>
  );
}

const STEPS: readonly JoinStep[] = ["keys", "redeem", "enter"];

function Steps({ at, fresh }: { at: JoinStep; fresh: boolean }) {
  const words = useStrings().join.steps;
  const steps = fresh ? STEPS : STEPS.slice(2);
  const now = steps.indexOf(at);
  return (
    <div role="status">
      {steps.map((step, place) => (
        <Check
          key={step}
          state={place < now ? "done" : place === now ? "waiting" : "todo"}
          label={words[step]}
        />
      ))}
    </div>
  );
}

function Refused({ code, error, retry }: { code: string; error?: ApiError; retry?: () => void }) {
  const words = useStrings();
  const known: Record<string, string> = words.join.refused;
  const text = known[code];
  if (text !== undefined) return <Note title={words.join.closed} text={text} />;
  return error === undefined ? null : <Failure error={error} {...(retry && { retry })} />;
}

function Note({ title, text }: { title: string; text: string }) {
  const words = useStrings().app;
  return (
    <Page title={title} width="narrow">
      <Stack gap="lg">
        <Text role="alert">{text}</Text>
        <Link to="/">{words.toStart}</Link>
      </Stack>
    </Page>
  );
}
