/** Who one is, the other journeys one has, look and language, and the way out. */

import { Button, Menu, useMantineColorScheme } from "@mantine/core";
import { Icon } from "~/components";
import { go } from "~/router";
import { signOut, useSession } from "~/session";
import { LANGUAGES, useLanguage, useStrings } from "~/strings";
import { journeysOf } from "./journeys";
import styles from "./Frame.module.css";

export function AccountMenu() {
  const strings = useStrings();
  const words = strings.app;
  const session = useSession();
  const { language, setLanguage } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true }); // It would write a style element to stop them.
  const label = session?.name ?? (session === null ? words.menu : words.account);
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          c="var(--t-text)"
          classNames={{ root: styles.account ?? "", label: styles.accountLabel ?? "" }}
          leftSection={<Icon name={session === null ? "menu" : "person"} />}
        >
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {session !== null && (
          <>
            {journeysOf(session).map((name) => (
              <Menu.Item key={name} onClick={() => go(`/${name}`)}>
                {strings.journeys[name].name}
              </Menu.Item>
            ))}
            <Menu.Item leftSection={<Icon name="settings" />} onClick={() => go("/settings")}>
              {words.settings}
            </Menu.Item>
            <Menu.Divider />
          </>
        )}
        <Menu.Item leftSection={<Icon name="proof" />} onClick={() => go("/verify")}>
          {words.verify}
        </Menu.Item>
        <Menu.Divider />
        {LANGUAGES.map((one) => (
          <Menu.Item
            key={one.language}
            lang={one.language}
            leftSection={<Icon name={one.language === language ? "check" : "globe"} />}
            onClick={() => setLanguage(one.language)}
          >
            {one.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        {(["light", "dark", "auto"] as const).map((scheme) => (
          <Menu.Item
            key={scheme}
            leftSection={<Icon name={scheme === colorScheme ? "check" : SCHEMES[scheme]} />}
            onClick={() => setColorScheme(scheme)}
          >
            {scheme === "auto" ? words.automatic : words[scheme]}
          </Menu.Item>
        ))}
        {session !== null && (
          <>
            <Menu.Divider />
            <Menu.Item
              leftSection={<Icon name="logout" />}
              onClick={() => void signOut().then(() => go("/"))}
            >
              {words.signOut}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

const SCHEMES = { light: "sun", dark: "moon", auto: "device" } as const;
