/** One's name, look and language, the keys in this browser, passkeys, and installing the app. */

import { Button, SegmentedControl, Stack, Text, useMantineColorScheme } from "@mantine/core";
import { useState } from "react";
import { Confirm, CopyText, Icon, Page } from "~/components";
import { go } from "~/router";
import { signOut, useMe, withWallets } from "~/session";
import { LANGUAGES, useLanguage, useStrings, type Language } from "~/strings";
import { NameField } from "../home/Home";
import { Passkeys } from "./Passkeys";
import { Section } from "./Section";
import { useInstall } from "./install";

export default function Settings() {
  const strings = useStrings();
  const words = strings.settings;
  const { name, actor, kind } = useMe();
  const { language, setLanguage } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const [saved, setSaved] = useState(false);
  return (
    <Page title={words.title} width="text">
      <Section title={words.name} text={words.nameHint}>
        <NameField key={name} initial={name ?? ""} onSaved={() => setSaved(true)} />
        {saved && <Text role="status">{words.saved}</Text>}
      </Section>
      <Section title={words.look}>
        <SegmentedControl
          aria-label={words.look}
          value={colorScheme}
          onChange={(value) => setColorScheme(value as "light" | "dark" | "auto")}
          data={[
            { value: "light", label: strings.app.light },
            { value: "dark", label: strings.app.dark },
            { value: "auto", label: strings.app.automatic },
          ]}
        />
      </Section>
      <Section title={words.language}>
        <SegmentedControl
          aria-label={words.language}
          value={language}
          onChange={(value) => setLanguage(value as Language)}
          data={LANGUAGES.map((one) => ({ value: one.language, label: one.name }))}
        />
      </Section>
      {kind === "person" && <Passkeys name={name} actor={actor} />}
      <Install />
      <Keys actor={actor} />
    </Page>
  );
}

function Install() {
  const words = useStrings().settings;
  const install = useInstall();
  if (install === null) return null;
  return (
    <Section title={words.install} text={words.installText}>
      <Button variant="default" leftSection={<Icon name="download" />} onClick={install}>
        {words.install}
      </Button>
    </Section>
  );
}

/** What was sealed to these keys goes with them. */
async function forgetFactors(actor: string) {
  const { FactorStore } = await import("~/factors/store");
  const store = await FactorStore.open();
  try {
    await store.forget(actor);
  } finally {
    store.close();
  }
}

function Keys({ actor }: { actor: string }) {
  const words = useStrings().settings;
  const [asked, setAsked] = useState(false);
  const forget = async () => {
    await forgetFactors(actor);
    await withWallets((store) => store.remove(actor));
    await signOut();
    go("/", { replace: true });
  };
  return (
    <Section title={words.keys} text={words.keysText}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm" c="dimmed">
          {words.actor}
        </Text>
        <CopyText value={actor} label={words.actor} />
        <Button
          variant="outline"
          color="red"
          mt="sm"
          leftSection={<Icon name="trash" />}
          onClick={() => setAsked(true)}
        >
          {words.forget}
        </Button>
      </Stack>
      <Confirm
        opened={asked}
        danger
        title={words.forget}
        confirm={words.forget}
        onConfirm={forget}
        onClose={() => setAsked(false)}
      >
        {words.forgetText}
      </Confirm>
    </Section>
  );
}
