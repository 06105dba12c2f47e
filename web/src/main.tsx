/** The entry: style sheets in their order, the app, and the service worker that keeps it for offline use. */

import "@mantine/core/styles.css";
import "virtual:theme-variables.css";
import "./theme/tokens.css";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { catchInstallOffer } from "./app/settings/install";
import { keepForOffline } from "./offline/register";
import { showLanguage } from "./strings";

showLanguage();
catchInstallOffer();
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(<App />);
keepForOffline();
