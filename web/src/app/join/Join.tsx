/** The page behind a link: who invites, one's name, a passcode where the clinic wants one, and one is in. */

import { Button, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
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
  const { seen, own, error, again } = useLook(invitation);
  if (error?.code === "offline") return <Offline retry={again} />;
  if (error !== null) return <Refused code={error.code} error={error} retry={again} />;
  if (seen === null) return <Loading shape="text" />;
  return <Form invitation={invitation} seen={seen} own={own} />;
}

function useLook(invitation: Invitation) {
  const [seen, setSeen] = useState<Look | null>(null);
  const [own, setOwn] = useState<KnownPerson | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const { invitation: id, code } = invitation;
  useEffect(() => {
    const stop = new AbortController();
    setError(null);
    const ask = async () => {
      const found = await look({ invitation: id, code }, stop.signal);
      const people = found.known ? await knownPeople() : [];
      setOwn(people.find(({ actor }) => actor === found.actor) ?? null);
      setSeen(found);
    };
    ask().catch((thrown: unknown) => {
      if (!stop.signal.aborted) setError(asApiError(thrown));
    });
    return () => stop.abort();
  }, [id, code, round]);
  return { seen, own, error, again: () => setRound(round + 1) };
}

interface FormProps {
  invitation: Invitation;
  seen: Look;
  own: KnownPerson | null;
}

function Form({ invitation, seen, own }: FormProps) {
  const words = useStrings().join;
  const [name, setName] = useState("");
  const [passcode, setPasscode] = useState("");
  const [asked, setAsked] = useState(false);
  const [step, setStep] = useState<JoinStep | null>(null);
  const [left, setLeft] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  if (seen.known && own === null) return <Note title={words.title(seen.host)} text={words.knownElsewhere} />;
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
        await accept(invitation, seen, secret.passcode);
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
      title={words.title(seen.host)}
      subtitle={seen.visit === null ? words.noVisit : words.visit}
      width="narrow"
    >
      <form onSubmit={(event) => void enter(event)} noValidate>
        <Stack gap="lg">
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
