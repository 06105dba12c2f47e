/** Every component in every state on one page, for whoever changes their look: `npm run dev`, then `/gallery.html`. */

import "@mantine/core/styles.css";
import "virtual:theme-variables.css";
import "../theme/tokens.css";
import { Button, Card, Group, MantineProvider, Stack } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { Frame } from "~/app/Frame";
import { ApiError } from "~/session";
import { theme, variables } from "~/theme/theme";
import {
  Check,
  Confirm,
  CopyText,
  DataList,
  Empty,
  Failure,
  Glass,
  Icon,
  Loading,
  Mark,
  NoPermission,
  Offline,
  Page,
  Plot,
  Pill,
  PurposeChip,
  Revoked,
  Seal,
  TimeText,
  VitalsStrip,
  WhyLine,
  type IconName,
  type ProofFacts,
} from "./index";
import { PATHS } from "./icons";

const NOW = Date.now();
const ID = "019b0a5e-7c1d-7a9c-8f2b-6d0c5f1e2a3b";
const wave = (n: number, middle: number, by: number, everyMs: number) =>
  Array.from({ length: n }, (_, at) => ({
    x: NOW - (n - at) * everyMs,
    y: middle + by * Math.sin(at / 4) + (at % 3),
  }));
const history = (middle: number, by: number) =>
  wave(60, middle, by, 10_000).map(({ x, y }) => ({ at: x, value: y }));

const PROOF: ProofFacts = {
  what: "Dr. Ama Osei read the blood results of 3 May",
  who: "Dr. Ama Osei, clinician at North Clinic",
  when: new Date(NOW - 3_600_000).toISOString(),
  rule: "The permission that you gave on 1 May",
  level: 3,
  entry: ID,
  stream: `object/${ID}`,
  position: 4711,
  cosigned: ["East Hospital, Frankfurt", "University of the South, São Paulo"],
  onDownload: () => Promise.resolve(),
  onVerify: () => undefined,
};

const MENU = [
  { to: "/", label: "Today", icon: "home" },
  { to: "/visits", label: "Visits", icon: "visit" },
  { to: "/messages", label: "Messages", icon: "chat", badge: 12 },
  { to: "/record", label: "My record", icon: "document" },
  { to: "/permissions", label: "Permissions", icon: "token" },
] as const;

const ROWS = [
  { id: 1, who: "Dr. Ama Osei", what: "Read blood results", purpose: "treatment", count: 3 },
  {
    id: 2,
    who: "Insurance desk",
    what: "Asked for the claim of 2 May, with its attachments",
    purpose: "payment",
    count: 1,
  },
  { id: 3, who: "Dr. Lin Park", what: "Opened the record in an emergency", purpose: "emergency", count: 12 },
];

function Gallery() {
  const [asked, setAsked] = useState(false);
  const glass = new URLSearchParams(location.search).has("glass");
  const content = (
    <Page title="Components" subtitle="Every part in every state." actions={<Button>One action</Button>}>
      <Stack gap="xl">
        <Part title="Seals">
          <Group gap="sm">
            {([null, 1, 2, 3, 4, 5] as const).map((level) => (
              <Seal key={level} level={level} facts={{ ...PROOF, level }} />
            ))}
            <Seal level={4} size="s" />
            <Mark size={40} />
            <Mark size={40} sealed />
          </Group>
        </Part>
        <Part title="Words">
          <Card withBorder maw={420}>
            <strong>Hemoglobin 13.5 g/dL</strong>
            <WhyLine>Dr. Osei and you can see this: treatment, by the permission of 1 May</WhyLine>
          </Card>
          <Group gap="sm">
            {["treatment", "payment", "operations", "patient-request", "emergency", "research"].map(
              (purpose) => (
                <PurposeChip key={purpose} purpose={purpose} />
              ),
            )}
            <Pill icon="check" tone="accent">
              In force
            </Pill>
            <Pill icon="waiting" tone="wait">
              Offered
            </Pill>
            <Pill title="nurse">Nurse</Pill>
          </Group>
          <Check state="done" label="Identity confirmed" detail="By name and birth date" />
          <Check state="waiting" label="Consent to the visit" />
          <Check state="failed" label="Camera" detail="The browser was told not to allow it" />
          <Check state="todo" label="Microphone" />
          <CopyText value={ID} label="id" />
          <span>
            <TimeText at={NOW - 7_200_000} /> · <TimeText at={NOW - 7_200_000} style="ago" /> ·{" "}
            <TimeText at={NOW + 90_000} style="until" /> · <TimeText at={NOW} style="date" />
          </span>
        </Part>
        <Part title="Vitals">
          <VitalsStrip
            readings={[
              {
                key: "hr",
                name: "Heart rate",
                value: 72,
                unit: "/min",
                at: iso(2),
                low: 60,
                high: 100,
                history: history(74, 9),
              },
              {
                key: "o2",
                name: "Oxygen",
                value: 88,
                unit: "%",
                at: iso(4),
                low: 92,
                high: 100,
                history: history(91, 3),
              },
              {
                key: "bp",
                name: "Blood pressure",
                value: "121/79",
                unit: "mmHg",
                at: iso(400),
                history: history(121, 5),
              },
              {
                key: "gl",
                name: "Glucose",
                value: null,
                unit: "mg/dL",
                at: null,
                low: 70,
                high: 180,
                history: [],
              },
            ]}
          />
        </Part>
        <Part title="Plots">
          <Plot
            label="Heart rate and oxygen of the last hour"
            unit="/min"
            band={{ low: 60, high: 100 }}
            series={[
              { name: "Heart rate", points: wave(120, 78, 14, 30_000) },
              { name: "Oxygen", points: wave(120, 95, 2, 30_000), tone: "wait" },
            ]}
          />
          <Plot
            label="Accesses by hour"
            kind="bars"
            series={[{ name: "Accesses", points: wave(24, 40, 30, 3_600_000) }]}
          />
        </Part>
        <Part title="List">
          <DataList
            caption="Who saw my record"
            rows={ROWS}
            rowKey={(row) => row.id}
            onRow={() => setAsked(true)}
            columns={[
              { key: "who", title: "Who", primary: true, render: (row) => row.who },
              { key: "what", title: "What", render: (row) => row.what },
              { key: "purpose", title: "Purpose", render: (row) => <PurposeChip purpose={row.purpose} /> },
              { key: "count", title: "Times", numeric: true, render: (row) => row.count },
            ]}
          />
        </Part>
        <Part title="States">
          <Loading shape="list" />
          <Empty icon="calendar" title="No visits yet" action={<Button>Ask for a visit</Button>} />
          <Failure
            retry={() => undefined}
            error={
              new ApiError({
                code: "x",
                status: 500,
                title: "That did not work",
                detail: "the ledger cannot be written",
                hint: "",
              })
            }
          />
          <Offline retry={() => undefined} />
          <NoPermission who="Dr. Osei" />
          <Revoked />
        </Part>
        <Part title="Icons">
          <Group gap="md">
            {(Object.keys(PATHS) as IconName[]).map((name) => (
              <span key={name} title={name}>
                <Icon name={name} size={28} />
              </span>
            ))}
          </Group>
        </Part>
      </Stack>
      <Confirm
        opened={asked}
        title="Take back this permission?"
        confirm="Take back"
        danger
        onConfirm={() => undefined}
        onClose={() => setAsked(false)}
      >
        Dr. Osei can no longer read your blood results.
      </Confirm>
    </Page>
  );
  if (!glass) return content;
  return (
    <Glass
      officers={2}
      until={new Date(NOW + 600_000).toISOString()}
      reason="Unconscious in the emergency room"
      onEnd={() => undefined}
    >
      {content}
    </Glass>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h2>{title}</h2>
      <Stack gap="md">{children}</Stack>
    </section>
  );
}

function iso(secondsAgo: number): string {
  return new Date(NOW - secondsAgo * 1000).toISOString();
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={variables}
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <Frame menu={MENU}>
        <Gallery />
      </Frame>
    </MantineProvider>,
  );
}
