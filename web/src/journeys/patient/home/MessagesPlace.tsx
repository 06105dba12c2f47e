/** Messages, as the patient has them. */

import { Messages } from "~/messages";

export default function MessagesPlace({ path }: { path: readonly string[] }) {
  return <Messages base="/patient/messages" path={path} role="patient" />;
}
