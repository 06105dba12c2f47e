/**
 * The patient's journey: visits, messages, my record, who may see it, who saw it, my devices, my proofs.
 *
 * Where to start: `Places` below; each folder is one place.
 */

import { lazy } from "react";
import { defineJourney } from "~/app/journey";
import { useRoute } from "~/router";
import { useMessagesBadge } from "./home/useMessagesBadge";
import { Home } from "./home/Home";
import { usePatientStrings } from "./strings";

const Visits = lazy(async () => ({ default: (await import("./visits/Visits")).Visits }));
const VisitPlace = lazy(async () => ({ default: (await import("./visits/VisitPlace")).VisitPlace }));
const MessagesPlace = lazy(() => import("./home/MessagesPlace"));
const Record = lazy(async () => ({ default: (await import("./record/Record")).Record }));
const Devices = lazy(async () => ({ default: (await import("./devices/Devices")).Devices }));
const Permissions = lazy(async () => ({ default: (await import("./permissions/Permissions")).Permissions }));
const Grant = lazy(async () => ({ default: (await import("./permissions/Grant")).Grant }));
const SeenPlace = lazy(async () => ({ default: (await import("./seen/SeenPlace")).SeenPlace }));
const FactorsPlace = lazy(async () => ({ default: (await import("./factors/FactorsPlace")).FactorsPlace }));
const Proofs = lazy(async () => ({ default: (await import("./proof/Proofs")).Proofs }));

/** Places that one item of the menu stands for. */
const RECORD = ["record", "devices"];
const PRIVACY = ["permissions", "seen", "factors", "proof"];

function useMenu() {
  const words = usePatientStrings().menu;
  const { path } = useRoute();
  const unread = useMessagesBadge();
  const here = path[1] ?? "";
  const of = (places: readonly string[]) => `/patient/${places.includes(here) ? here : (places[0] ?? "")}`;
  return [
    { to: "/patient", label: words.home, icon: "home" as const },
    { to: "/patient/visits", label: words.visits, icon: "visit" as const },
    { to: "/patient/messages", label: words.messages, icon: "chat" as const, badge: unread },
    { to: of(RECORD), label: words.record, icon: "document" as const },
    { to: of(PRIVACY), label: words.privacy, icon: "eye" as const },
  ];
}

function Places({ path }: { path: readonly string[] }) {
  const [place, id] = path;
  switch (place) {
    case "visits":
      return id === undefined ? <Visits /> : <VisitPlace key={id} visit={id} />;
    case "messages":
      return <MessagesPlace path={path.slice(1)} />;
    case "record":
      return <Record />;
    case "devices":
      return <Devices />;
    case "permissions":
      return id === "new" ? <Grant /> : <Permissions />;
    case "seen":
      return <SeenPlace />;
    case "factors":
      return <FactorsPlace />;
    case "proof":
      return <Proofs />;
    default:
      return <Home />;
  }
}

export default defineJourney({ useMenu, Page: Places });
