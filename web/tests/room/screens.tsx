/** The room's own screens on a page, for tests that look at them: the test of devices, and behind it the room. */
import { MantineProvider } from "@mantine/core";
import "@mantine/core/styles.css";
import "virtual:theme-variables.css";
import { useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import "../../src/theme/tokens.css";
import { theme, variables } from "../../src/theme/theme";
import { DeviceTest, Lobby, Room, type RoomPorts } from "../../src/room";
import type { Vital } from "../../src/components";
import "./harness";

const words = new URLSearchParams(location.search);
const PULSE: Vital = {
  key: "pulse",
  name: "Pulse",
  value: 72,
  unit: "/min",
  at: new Date().toISOString(),
  low: 60,
  high: 100,
  history: Array.from({ length: 30 }, (_, at) => ({
    at: Date.now() - (30 - at) * 20_000,
    value: 70 + (at % 5),
  })),
};

/** The parts of a room as the tests' page makes them. */
function portsOf(): RoomPorts {
  const name = (actor: string) => (actor.endsWith("00") ? "Dr. Ama Osei" : "Rosa Alvarez");
  return { ...window.harness.ports(words.get("actor") ?? ""), nameOf: name };
}

/** As long as a journey's own panel is: more than a phone shows at once. */
function Seats() {
  return (
    <ul>
      {Array.from({ length: 30 }, (_, at) => (
        <li key={at}>Dr. Bartholomäus Schneckenburger-Featherstonehaugh the {at + 1}th</li>
      ))}
    </ul>
  );
}

function Screens() {
  const [stream, setStream] = useState<MediaStream | null | undefined>(undefined);
  const [out, setOut] = useState("");
  const ports = useMemo(portsOf, []);
  const readers = useMemo(() => ({ files: [], recording: [] }), []);
  if (out !== "") return <p id="out">{out}</p>;
  if (words.get("screen") === "lobby") return <Lobby position={2} clinician="Dr. Osei" />;
  if (stream === undefined)
    return <DeviceTest link={ports.link} onReady={(ready) => setStream(ready.stream)} />;
  return (
    <Room
      visit={words.get("visit") ?? ""}
      ports={ports}
      stream={stream}
      readers={readers}
      vitals={words.has("clinician") ? [PULSE] : []}
      notes={words.has("clinician") ? <p>Notes</p> : undefined}
      panel={{ label: "Visit", icon: "people", content: <Seats /> }}
      recording={{ permitted: true, running: false, mayStart: words.has("clinician"), lacking: [] }}
      {...(words.has("clinician") ? { onModerate: () => Promise.resolve() } : {})}
      onOut={setOut}
    />
  );
}

/** Called once the keys are made. */
window.showScreens = () => {
  const root = document.createElement("main");
  document.body.append(root);
  createRoot(root).render(
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <Screens />
    </MantineProvider>,
  );
};
