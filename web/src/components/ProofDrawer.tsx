/** The proof of one thing, in words first: what, who, when, under which rule, cosigned and dated by whom. */

import { Accordion, Button, Drawer, Group, Stack, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { asApiError, type ApiError } from "~/session";
import { useStrings } from "~/strings";
import { useChainName } from "~/strings/chains";
import { Mark } from "~/theme/Mark";
import type { Level } from "./Seal";
import { TimeText } from "./TimeText";
import { saveBlob } from "./saving";
import { Icon } from "./icons";
import { Loading } from "./states";
import { Check, CopyText } from "./words";
import styles from "./Seal.module.css";

export interface ProofFacts {
  what: string;
  who?: string;
  /** ISO 8601 */
  when: string;
  rule?: string;
  /** As the seal's: undefined while it is not known. */
  level: Level | null | undefined;
  entry?: string;
  stream?: string;
  position?: number;
  cosigned?: string[];
  dated?: { chain: string; block: string; at?: string };
  technical?: Record<string, string>;
  onDownload?: () => Promise<Blob | void>;
  onVerify?: () => void | Promise<void>;
}

interface Props {
  opened: boolean;
  onClose: () => void;
  facts: ProofFacts;
}

export function ProofDrawer({ opened, onClose, facts }: Props) {
  const words = useStrings();
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="md"
      closeButtonProps={{ "aria-label": words.confirm.close, size: 44, iconSize: 22 }}
      title={
        <Group gap="sm" wrap="nowrap">
          <Mark size={26} sealed />
          <Text fw={650} size="lg">
            {words.seal.proof}
          </Text>
        </Group>
      }
    >
      <Proof facts={facts} />
    </Drawer>
  );
}

function Proof({ facts }: { facts: ProofFacts }) {
  const words = useStrings().seal;
  return (
    <Stack gap="lg">
      <dl className={styles.facts}>
        <Fact name={words.what}>{facts.what}</Fact>
        {facts.who !== undefined && <Fact name={words.who}>{facts.who}</Fact>}
        <Fact name={words.when}>
          <TimeText at={facts.when} />
        </Fact>
        {facts.rule !== undefined && <Fact name={words.rule}>{facts.rule}</Fact>}
      </dl>
      <Levels facts={facts} />
      <Actions facts={facts} />
      <Technical facts={facts} />
    </Stack>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Levels({ facts }: { facts: ProofFacts }) {
  const words = useStrings().seal;
  const called = useChainName();
  if (facts.level === undefined) return <Loading shape="text" />;
  const level = facts.level ?? 0;
  const { dated } = facts;
  const detail: Partial<Record<number, ReactNode>> = {
    2: facts.cosigned?.map(nameOfKey).join(" · "),
    5: dated && words.block(called(dated.chain), dated.block),
  };
  return (
    <ul className={styles.levels} aria-label={words.levels}>
      {words.steps.map((label, at) => (
        <li key={label}>
          <Check
            state={at < level ? "done" : "waiting"}
            label={label}
            {...(at < level && detail[at + 1] !== undefined ? { detail: detail[at + 1] } : {})}
          />
        </li>
      ))}
    </ul>
  );
}

/** `east.example/east+bc0b4183` without the number of its key. */
function nameOfKey(key: string): string {
  return key.replace(/\+[0-9a-f]{8}$/, "");
}

function Actions({ facts }: { facts: ProofFacts }) {
  const words = useStrings().seal;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (work: () => void | Blob | Promise<Blob | void>) => {
    setBusy(true);
    setError(null);
    try {
      const blob = await work();
      if (blob instanceof Blob) saveBlob(blob, "telesphor-proof.zip");
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setBusy(false);
    }
  };
  if (facts.onDownload === undefined && facts.onVerify === undefined) return null;
  return (
    <Stack gap="sm">
      <Group gap="sm">
        {facts.onVerify !== undefined && (
          <Button
            loading={busy}
            leftSection={<Icon name="proof" />}
            onClick={() => void run(facts.onVerify ?? (() => {}))}
          >
            {words.verify}
          </Button>
        )}
        {facts.onDownload !== undefined && (
          <Button
            variant="default"
            loading={busy}
            leftSection={<Icon name="download" />}
            onClick={() => void run(facts.onDownload ?? (() => {}))}
          >
            {words.download}
          </Button>
        )}
      </Group>
      {error !== null && (
        <Text size="sm" c="var(--t-alarm)" role="alert">
          {error.message}
        </Text>
      )}
    </Stack>
  );
}

function Technical({ facts }: { facts: ProofFacts }) {
  const words = useStrings().seal;
  const rows: [string, string | undefined][] = [
    [words.entry, facts.entry],
    [words.stream, facts.stream],
    [words.position, facts.position?.toString()],
    ...Object.entries(facts.technical ?? {}),
  ];
  const known = rows.filter((row): row is [string, string] => row[1] !== undefined);
  if (known.length === 0) return null;
  return (
    <Accordion variant="contained">
      <Accordion.Item value="technical">
        <Accordion.Control>{words.technical}</Accordion.Control>
        <Accordion.Panel>
          <dl className={styles.facts}>
            {known.map(([name, value]) => (
              <Fact key={name} name={name}>
                <CopyText value={value} label={name} />
              </Fact>
            ))}
          </dl>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
