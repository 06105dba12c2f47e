/** One's passkeys: which there are, one more, and one less. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, Confirm, Failure, Icon, TimeText } from "~/components";
import { addPasskey, asApiError, passkeysWork, removePasskey, useView, type ApiError } from "~/session";
import { useStrings } from "~/strings";
import { Section } from "./Section";
import styles from "./Settings.module.css";

interface Passkey {
  credential: string;
  transports: string[];
  added_at: string;
  used_at: string | null;
}

interface PasskeyList {
  passkeys: Passkey[];
}

export function Passkeys({ name, actor }: { name: string | null; actor: string }) {
  const words = useStrings().settings;
  const view = useView<PasskeyList>("/v1/app/passkeys");
  const [leaving, setLeaving] = useState<Passkey | null>(null);
  const [said, setSaid] = useState("");
  const remove = async () => {
    if (leaving === null) return;
    await removePasskey({ actor, credential: leaving.credential });
    setSaid(words.passkeyRemoved);
    view.reload();
  };
  const added = () => {
    setSaid(words.passkeyAdded);
    view.reload();
  };
  return (
    <Section title={words.passkey} text={passkeysWork() ? words.passkeyText : words.noPasskeys}>
      <Await view={view} shape="text" isEmpty={({ passkeys }) => passkeys.length === 0} empty={<></>}>
        {({ passkeys }) => (
          <ul className={styles.passkeys}>
            {passkeys.map((one) => (
              <PasskeyRow key={one.credential} passkey={one} onRemove={() => setLeaving(one)} />
            ))}
          </ul>
        )}
      </Await>
      {passkeysWork() && <AddPasskey name={name ?? actor} onAdded={added} />}
      <p role="status">{said}</p>
      <Confirm
        opened={leaving !== null}
        title={words.passkeyRemoveTitle}
        confirm={words.passkeyRemove}
        danger
        onConfirm={remove}
        onClose={() => setLeaving(null)}
      >
        {words.passkeyRemoveText}
      </Confirm>
    </Section>
  );
}

function PasskeyRow({ passkey, onRemove }: { passkey: Passkey; onRemove: () => void }) {
  const words = useStrings().settings;
  const { added_at, used_at } = passkey;
  return (
    <li>
      <Icon name="key" />
      <span className={styles.passkey}>
        <strong>{words.passkeySorts[sortOf(passkey)]}</strong>
        <small>
          {words.passkeyMade} <TimeText at={added_at} style="ago" />
          {" · "}
          {used_at === null ? words.passkeyUnused : words.passkeyUsed}{" "}
          {used_at !== null && <TimeText at={used_at} style="ago" />}
        </small>
      </span>
      <Button variant="default" onClick={onRemove}>
        {words.passkeyRemove}
      </Button>
    </li>
  );
}

/** By how browsers reach it (WebAuthn, AuthenticatorTransport). */
function sortOf({ transports }: Passkey): "device" | "phone" | "key" {
  if (transports.includes("hybrid")) return "phone";
  return transports.includes("internal") ? "device" : "key";
}

function AddPasskey({ name, onAdded }: { name: string; onAdded: () => void }) {
  const words = useStrings().settings;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const add = async () => {
    setBusy(true);
    setError(null);
    try {
      await addPasskey({ name });
      onAdded();
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button variant="default" loading={busy} leftSection={<Icon name="key" />} onClick={() => void add()}>
        {words.addPasskey}
      </Button>
      {error !== null && <Failure error={error} />}
    </>
  );
}
