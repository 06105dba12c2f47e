/** The page that `make demo` ends on: everybody in the clinic, each behind a link that opens in a tab of its own. */

import { Anchor, Button, Stack, Text } from "@mantine/core";
import { Check, Icon, Loading, Page, type CheckState, type IconName } from "~/components";
import { useBoard, type PartName, type Player, type Round } from "./board";
import { useDemoStrings } from "./strings";
import styles from "./Demo.module.css";

const ICONS: Record<PartName, IconName> = {
  clinician: "visit",
  patient: "heart",
  auditor: "eye",
  administrator: "server",
};

export default function Demo({ path }: { path: readonly string[] }) {
  const words = useDemoStrings();
  const { state, shown, full, again } = useBoard(path[0] ?? "");
  if (state === "closed") return <Closed />;
  const [round, ...earlier] = shown?.rounds ?? [];
  if (shown === null || round === undefined) return <Loading shape="cards" />;
  return (
    <Page
      title={words.title}
      subtitle={words.about(shown.clinic)}
      width="wide"
      actions={
        round.people.some(({ taken }) => taken) && (
          <Button variant="default" loading={shown.preparing} disabled={full} onClick={again}>
            {words.again}
          </Button>
        )
      }
    >
      <Stack gap="xl">
        {state === "stale" && <Notice text={words.stale} />}
        {full && <Notice text={words.full} />}
        {round.fault !== "" && <Notice text={words.fault(round.fault)} />}
        <People round={round} />
        <div className={styles.below}>
          <Meanwhile round={round} />
          <Afterwards />
        </div>
        {earlier.length > 0 && (
          <Stack gap="sm">
            {earlier.map((one) => (
              <details key={one.number} className={styles.earlier}>
                <summary>{words.earlier(one.number)}</summary>
                <People round={one} />
              </details>
            ))}
          </Stack>
        )}
      </Stack>
    </Page>
  );
}

/** Who is to come next has the button that stands out. */
function People({ round }: { round: Round }) {
  const next = round.people.find(({ taken }) => !taken);
  return (
    <ol className={styles.people}>
      {round.people.map((player) => (
        <Person key={player.actor} player={player} next={player === next} />
      ))}
    </ol>
  );
}

function Person({ player, next }: { player: Player; next: boolean }) {
  const words = useDemoStrings();
  const { name, todo } = words.parts[player.part];
  return (
    <li className={styles.person} data-taken={player.taken}>
      <span className={styles.icon}>
        <Icon name={ICONS[player.part]} size={24} />
      </span>
      <div>
        <h2 className={styles.part}>{name}</h2>
        <p className={styles.name}>{player.name}</p>
      </div>
      <p className={styles.todo}>{todo}</p>
      {player.taken ? (
        <div className={styles.taken}>
          <Check
            state="done"
            label={words.here}
            detail={
              <Anchor href="#/" target="_blank" rel="noopener" size="sm">
                {words.known}
              </Anchor>
            }
          />
        </div>
      ) : (
        <Button
          component="a"
          href={`#${player.link}`}
          target="_blank"
          rel="noopener"
          variant={next ? "filled" : "light"}
          className={styles.open ?? ""}
          rightSection={<Icon name="external" size={18} />}
          aria-label={words.openFor(name)}
        >
          {words.open}
        </Button>
      )}
    </li>
  );
}

function Meanwhile({ round }: { round: Round }) {
  const words = useDemoStrings().ready;
  const patientHere = round.people.some(({ part, taken }) => part === "patient" && taken);
  const stateOf = (what: string): CheckState => {
    if (round.ready.includes(what)) return "done";
    if (round.fault !== "") return "failed";
    return patientHere ? "waiting" : "todo";
  };
  return (
    <section>
      <h2 className={styles.part}>{words.title}</h2>
      <Stack gap="xs" mt="sm">
        <Check state={round.visit === null ? "todo" : "done"} label={words.visit} />
        <Check state={stateOf("identity")} label={words.identity} />
        <Check state={stateOf("device")} label={words.device} />
        <Check state={stateOf("messages")} label={words.messages} />
        <Check state={stateOf("record")} label={words.record} />
        <Check state={stateOf("history")} label={words.history} />
      </Stack>
      <Text size="sm" c="dimmed" mt="md" maw="var(--t-text-width)">
        {words.live}
      </Text>
    </section>
  );
}

function Afterwards() {
  const words = useDemoStrings();
  return (
    <section>
      <h2 className={styles.part}>{words.after.title}</h2>
      <Text mt="sm" maw="var(--t-text-width)">
        {words.after.text}
      </Text>
      <Button
        component="a"
        href="#/verify"
        target="_blank"
        rel="noopener"
        variant="default"
        mt="md"
        leftSection={<Icon name="proof" />}
      >
        {words.after.verify}
      </Button>
      <Text size="sm" c="dimmed" mt="md">
        {words.sound}
      </Text>
    </section>
  );
}

function Notice({ text }: { text: string }) {
  return (
    <p role="alert" className={styles.notice}>
      <Icon name="alarm" size={20} />
      {text}
    </p>
  );
}

function Closed() {
  const words = useDemoStrings();
  return (
    <Page title={words.closed} width="text">
      <Text>{words.closedText}</Text>
    </Page>
  );
}
