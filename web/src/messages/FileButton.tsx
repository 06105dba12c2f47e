/** A file of a message: fetched and opened here when it is asked for; pictures are shown, all else is saved. */

import { Button, Modal } from "@mantine/core";
import { useEffect, useState } from "react";
import { Icon, safeName, saveBlob } from "~/components";
import { ObjectReader } from "~/kernel";
import { nodeClient } from "~/session";
import { bytesText, useStrings } from "~/strings";
import styles from "./messages.module.css";
import { useMessageStrings } from "./strings";
import type { Attached, Side } from "./types";

export const FILE_BYTES_MAX = 100 * 1024 * 1024;

export function FileButton({ file, role }: { file: Attached; role: Side }) {
  const words = useMessageStrings();
  const { close } = useStrings().confirm;
  const [busy, setBusy] = useState(false);
  const [isRefused, setRefused] = useState(false);
  const [picture, setPicture] = useState<Blob | null>(null);
  const name = safeName(file.name);
  const open = async () => {
    setBusy(true);
    setRefused(false);
    try {
      const purpose = role === "patient" ? "patient-request" : "treatment";
      const reader = await ObjectReader.open(nodeClient(), file.object, { purpose });
      const blob = await reader.blob(FILE_BYTES_MAX);
      if (blob.type.startsWith("image/")) setPicture(blob);
      else saveFile(blob, name);
    } catch {
      setRefused(true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button
        variant="default"
        className={styles.file ?? ""}
        loading={busy}
        leftSection={<Icon name={file.media_type.startsWith("image/") ? "photo" : "document"} size={20} />}
        aria-label={words.file(name)}
        onClick={() => void open()}
      >
        <span className={styles.fileName}>{name}</span>
        <span className={styles.quiet}>{bytesText(file.size)}</span>
      </Button>
      {isRefused && (
        <p className={styles.fault} role="alert">
          {words.fileRefused}
        </p>
      )}
      <Modal
        opened={picture !== null}
        onClose={() => setPicture(null)}
        title={name}
        size="xl"
        closeButtonProps={{ "aria-label": close, size: 44 }}
      >
        {picture !== null && <Picture blob={picture} name={name} />}
        <Button
          mt="md"
          leftSection={<Icon name="download" />}
          onClick={() => picture !== null && saveFile(picture, name)}
        >
          {words.saveFile}
        </Button>
      </Modal>
    </>
  );
}

function Picture({ blob, name }: { blob: Blob; name: string }) {
  const [address, setAddress] = useState<string | undefined>();
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return <img src={address} alt={name} className={styles.picture} />;
}

/** Whatever its sender calls it, the browser is told that it is bytes: nothing of it runs here. */
function saveFile(blob: Blob, name: string): void {
  saveBlob(new Blob([blob], { type: "application/octet-stream" }), name);
}
