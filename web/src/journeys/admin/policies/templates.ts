/** Rules to begin with, each one that organisations often want. */

export const TEMPLATES = {
  administrators: `@id("administrators")
permit (
  principal,
  action == Telesphor::Action::"administer",
  resource is Telesphor::Organisation
) when { principal.roles.contains("administrator") };
`,
  hours: `@id("no-erasing-by-systems")
forbid (
  principal,
  action == Telesphor::Action::"erase",
  resource
) when { principal.kind == "system" };
`,
  emergency: `@id("emergencies-with-passkeys-only")
forbid (
  principal,
  action == Telesphor::Action::"break-glass",
  resource
) when { context has break_glass && !context.break_glass.passkey };
`,
} as const;
