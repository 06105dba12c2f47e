/** Who this tab is, and how it speaks with the node: session, views, commands, live connection. Start at `node.ts`. */

export { api, type Ask, type Method } from "./api";
export { ApiError, asApiError } from "./errors";
export { live, type LiveMessage } from "./live";
export {
  clientOf,
  command,
  commands,
  knownPeople,
  nodeClient,
  nodeFacts,
  nodeNow,
  refreshSession,
  resume,
  signIn,
  signInWith,
  signOut,
  wallet,
  withWallets,
  type KnownPerson,
} from "./node";
export { addPasskey, passkeysWork, removePasskey } from "./passkey";
export { stayAwake, usePresence } from "./presence";
export { endedNow, onSessionEnd, sessionNow, useMe, useSession, type Session } from "./store";
export { useView, type View, type ViewState } from "./view";
