/** Opens emergency access: a reason, for how long, and who is told at once. */

import { Button, Modal, Radio, SegmentedControl, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Failure, Icon } from "~/components";
import { asApiError, type ApiError } from "~/session";
import { useStrings } from "~/strings";
import styles from "../clinician.module.css";
import { breakGlass, MINUTES, REASONS, type Reason } from "../glass";
import { useClinicianStrings } from "../strings";

interface Props {
  person: string;
  name: string | null;
  opened: boolean;
  onClose: () => void;
}

export function GlassDialog({ person, name, opened, onClose }: Props) {
  const strings = useClinicianStrings();
  const words = strings.glass;
  const { confirm, glass } = useStrings();
  const { close, cancel } = confirm;
  const [reason, setReason] = useState<Reason | null>(null);
  const [minutes, setMinutes] = useState<number>(MINUTES[0]);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const open = async () => {
    if (reason === null) return;
    setBusy(true);
    setFault(null);
    try {
      await breakGlass(person, reason, minutes);
      setReason(null);
      onClose();
    } catch (error) {
      setFault(asApiError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={words.title}
      closeButtonProps={{ "aria-label": close, size: 44 }}
    >
      <Stack gap="md">
        <div className={styles.warning}>
          <Icon name="emergency" size={24} />
          <Text>{words.told(name ?? strings.unnamed)}</Text>
        </div>
        <Radio.Group
          label={words.why}
          value={reason ?? ""}
          onChange={(value) => setReason(value as Reason)}
          withAsterisk
        >
          <Stack gap="sm" mt="sm">
            {REASONS.map((one) => (
              <Radio key={one} value={one} label={glass.reasons[one]} />
            ))}
          </Stack>
        </Radio.Group>
        <div>
          <Text fw={500} mb={4}>
            {words.howLong}
          </Text>
          <SegmentedControl
            fullWidth
            aria-label={words.howLong}
            value={String(minutes)}
            onChange={(value) => setMinutes(Number(value))}
            data={MINUTES.map((one) => ({
              value: String(one),
              label: strings.newVisit.minutesOf(one),
            }))}
          />
        </div>
        <Text size="sm" c="var(--t-quiet)">
          {words.onlyReading}
        </Text>
        {fault !== null && <Failure error={fault} />}
        <Button
          color="red"
          loading={busy}
          disabled={reason === null}
          leftSection={<Icon name="emergency" />}
          onClick={() => void open()}
        >
          {words.open}
        </Button>
        <Button variant="default" onClick={onClose}>
          {cancel}
        </Button>
      </Stack>
    </Modal>
  );
}
