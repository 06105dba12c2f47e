/**
 * The app: the theme around it, and for each place its page. Without a session there are four: join, verify, sign in,
 * and the page of a demonstration.
 *
 * Guarantees: nobody's page is shown without a session; where somebody wanted to go is kept until they signed in.
 */

import { Button, MantineProvider } from "@mantine/core";
import { Suspense, lazy, useEffect, useState, type ComponentType } from "react";
import { Loading, Page } from "~/components";
import { go, useRoute } from "~/router";
import { resume, sessionNow, useSession } from "~/session";
import { useLanguage, useStrings } from "~/strings";
import { theme, variables } from "~/theme/theme";
import { Boundary } from "./Boundary";
import { Notices } from "./emergency/Notices";
import { Frame } from "./Frame";
import { IdleWarning } from "./IdleWarning";
import type { Journey } from "./journey";
import { JOURNEYS, loaderOf, type JourneyName } from "./journeys";

const Join = lazy(() => import("./join/Join"));
const SignIn = lazy(() => import("./signin/SignIn"));
const Home = lazy(() => import("./home/Home"));
const Demo = lazy(() => import("../journeys/demo/Demo"));
const Settings = lazy(() => import("./settings/Settings"));
const UnfinishedRecordings = lazy(() => import("../room/ui/Unfinished"));

export function App() {
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={variables}
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <Boundary>
        <Places />
      </Boundary>
    </MantineProvider>
  );
}

function Places() {
  const { path } = useRoute();
  const session = useSession();
  const ready = useResumed();
  const [place = ""] = path;
  useLanguage(); // A change of language draws every page anew.
  const open = openPlace(place, path.slice(1));
  if (open !== null) {
    return (
      <>
        {session !== null && <IdleWarning />}
        <Shown>{open}</Shown>
      </>
    );
  }
  if (!ready) return <Shown>{null}</Shown>;
  if (session === null) return <Shown>{<SignIn />}</Shown>;
  return (
    <>
      <IdleWarning />
      {isJourney(place) ? (
        <JourneyPlace key={`${place} ${session.session}`} name={place} path={path.slice(1)} />
      ) : (
        <Shown>
          <Unasked />
          {place === "" ? <Home /> : place === "settings" ? <Settings /> : <NotFound />}
        </Shown>
      )}
    </>
  );
}

/** What is shown without a session; null for every other place. */
function openPlace(place: string, path: readonly string[]): React.ReactNode {
  if (place === "join") return <Join path={path} />;
  if (place === "verify") return <Verify />;
  return place === "demo" ? <Demo path={path} /> : null;
}

function Shown({ children }: { children: React.ReactNode }) {
  return (
    <Frame>
      <Suspense fallback={<Loading shape="text" />}>{children}</Suspense>
    </Frame>
  );
}

const loaded = new Map<JourneyName, ComponentType<{ path: readonly string[] }>>();

function JourneyPlace({ name, path }: { name: JourneyName; path: readonly string[] }) {
  const load = loaderOf(name);
  if (load === undefined) return <Shown>{<Unfinished />}</Shown>;
  let Shell = loaded.get(name);
  if (Shell === undefined) {
    Shell = lazy(async () => ({ default: shellOf((await load()).default) }));
    loaded.set(name, Shell);
  }
  return (
    <Suspense fallback={<Shown>{<Loading />}</Shown>}>
      <Shell path={path} />
    </Suspense>
  );
}

/** A journey in the frame with its menu. */
function shellOf({ useMenu, Page: Content }: Journey) {
  return function JourneyShell({ path }: { path: readonly string[] }) {
    const menu = useMenu();
    return (
      <Frame menu={menu}>
        <Unasked />
        <Boundary key={path.join("/")}>
          <Suspense fallback={<Loading />}>
            <Content path={path} />
          </Suspense>
        </Boundary>
      </Frame>
    );
  };
}

/** What is said above every page without being asked for. */
function Unasked() {
  return (
    <>
      <Notices />
      <Suspense fallback={null}>
        <UnfinishedRecordings />
      </Suspense>
    </>
  );
}

const verifyPages = import.meta.glob<{ VerifyPage: ComponentType<{ language?: "en" | "es" }> }>(
  "../journeys/verify/VerifyPage.tsx",
);
const VerifyPage = lazy(async () => {
  const load = verifyPages["../journeys/verify/VerifyPage.tsx"];
  const missing: ComponentType<{ language?: "en" | "es" }> = Unfinished;
  return { default: load === undefined ? missing : (await load()).VerifyPage };
});

/** The verifier's page: no session and no network. */
function Verify() {
  const { language } = useLanguage();
  return <VerifyPage language={language} />;
}

function Unfinished() {
  const words = useStrings().journeys;
  return <Page title={words.unfinished} width="text" />;
}

function NotFound() {
  const words = useStrings().app;
  return (
    <Page title={words.notFound} width="text">
      <Button onClick={() => go("/")}>{words.toStart}</Button>
    </Page>
  );
}

/** Whether it is known if this tab had a session before it was loaded anew; without a line it is asked again later. */
function useResumed(): boolean {
  const [ready, setReady] = useState(false);
  useEffect(() => {
    const again = () => {
      if (sessionNow() === null) void resume().finally(() => setReady(true));
    };
    again();
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, []);
  return ready;
}

function isJourney(place: string): place is JourneyName {
  return (JOURNEYS as readonly string[]).includes(place);
}
