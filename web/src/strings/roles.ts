/** What roles are called. An organisation may have roles that we have no word for: their own stands then, without hyphens. */

import { useStrings } from "./index";

export function useRoleName(): (role: string) => string {
  const words: Record<string, string> = useStrings().roles;
  return (role) => words[role] ?? role.replaceAll("-", " ");
}
