/** One device: suspend it for a while and restore it, or revoke it for good. */

import { Button, Group, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Confirm, CopyText } from "~/components";
import { inWords, restore, revokeDevice, suspend, type DeviceReason } from "../acts";
import { State } from "../parts/State";
import { actorState, nameOf } from "../parts/words";
import type { Device } from "../shapes";
import { useAdminStrings } from "../strings";

interface Props {
  device: Device | null;
  onClose: () => void;
  /** Something was changed: what is shown is old. */
  onChanged: () => void;
}

export function DeviceDialog({ device, onClose, onChanged }: Props) {
  const strings = useAdminStrings();
  const t = strings.acts;
  return (
    <Modal
      opened={device !== null}
      onClose={onClose}
      title={device?.model ?? t.device}
      closeButtonProps={{ "aria-label": t.close, size: 44 }}
    >
      {device !== null && (
        <Stack gap="lg">
          <Group gap="sm">
            <State state={actorState(device.state)} />
            <span>{nameOf(device.owner, strings.kinds)}</span>
            <CopyText value={device.device} label={strings.devices.id} />
          </Group>
          {device.firmware !== null && (
            <div>
              <Text size="sm" c="var(--t-quiet)">
                {strings.devices.firmware}
              </Text>
              <CopyText value={device.firmware} label={strings.devices.firmware} />
            </div>
          )}
          {device.state !== "revoked" && <Acts device={device} onChanged={onChanged} />}
          <Text size="sm" c="var(--t-quiet)">
            {t.written}
          </Text>
        </Stack>
      )}
    </Modal>
  );
}

function Acts({ device, onChanged }: { device: Device; onChanged: () => void }) {
  const { acts: t, refusals } = useAdminStrings();
  const [asked, setAsked] = useState<"pause" | "revoke" | null>(null);
  // What is asked stays as it was asked, also while the dialogue closes over a device that has changed meanwhile.
  const [restores, setRestores] = useState(false);
  const [reason, setReason] = useState<DeviceReason>("lost");
  const isPaused = device.state === "paused";
  const saying = async (work: Promise<unknown>) => {
    try {
      await work;
    } catch (error) {
      throw inWords(error, refusals);
    }
    onChanged();
  };
  const close = () => setAsked(null);
  return (
    <Group gap="sm">
      <Button
        variant={isPaused ? "light" : "default"}
        onClick={() => {
          setRestores(isPaused);
          setAsked("pause");
        }}
      >
        {isPaused ? t.restore : t.suspend}
      </Button>
      <Button variant="outline" color="red" onClick={() => setAsked("revoke")}>
        {t.revoke}
      </Button>
      <Confirm
        opened={asked === "pause"}
        title={restores ? t.restoreDevice : t.suspendDevice}
        confirm={restores ? t.restore : t.suspend}
        danger={!restores}
        onConfirm={() => saying(restores ? restore(device.device) : suspend(device.device, "incident"))}
        onClose={close}
      >
        {restores ? t.restoreDeviceText : t.suspendDeviceText}
      </Confirm>
      <Confirm
        opened={asked === "revoke"}
        title={t.revokeTitle}
        confirm={t.revoke}
        danger
        onConfirm={() => saying(revokeDevice(device.device, reason))}
        onClose={close}
      >
        <Stack gap="md">
          <Text>{t.revokeText}</Text>
          <NativeSelect
            label={t.reason}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value as DeviceReason)}
            data={Object.entries(t.deviceReasons).map(([value, label]) => ({ value, label }))}
          />
        </Stack>
      </Confirm>
    </Group>
  );
}
