/** What became of opening a piece: on its way, open, or why not, with what one can do. */

import { Button } from "@mantine/core";
import { Icon, Loading, saveBlob } from "~/components";
import { ReadingView } from "./ReadingView";
import { ResourceView } from "./ResourceView";
import type { Content, Opened } from "./opening";
import { useRecordStrings } from "./strings";
import type { RecordItem } from "./types";
import styles from "./record.module.css";

interface Props {
  item: RecordItem;
  opened: Opened;
  onOpen: () => void;
  title: string;
}

export function OpenedView({ item, opened, onOpen, title }: Props) {
  const words = useRecordStrings();
  if (opened.state === "opening") {
    return (
      <div role="status" aria-label={words.opening}>
        <Loading shape="text" />
      </div>
    );
  }
  if (opened.state === "open") return <Shown content={opened.content} item={item} title={title} />;
  if (opened.state === "closed") {
    return (
      <div className={styles.closed}>
        <p>{words.closed}</p>
        <Button variant="default" leftSection={<Icon name="unlock" size={18} />} onClick={onOpen}>
          {words.open}
        </Button>
      </div>
    );
  }
  const why = opened.code === "object-differs" ? words.differs : words[opened.state];
  return (
    <div className={styles.closed} role="alert">
      <p>{why}</p>
      {opened.state !== "refused" && (
        <Button variant="default" leftSection={<Icon name="refresh" size={18} />} onClick={onOpen}>
          {words.retry}
        </Button>
      )}
    </div>
  );
}

function Shown({ content, item, title }: { content: Content; item: RecordItem; title: string }) {
  const words = useRecordStrings();
  return (
    <>
      {content.kind === "fhir" && item.reading !== null && (
        <ReadingView resource={content.resource} kind={item.reading.kind} />
      )}
      {content.kind === "fhir" && item.reading === null && <ResourceView resource={content.resource} />}
      {content.kind === "image" && <img className={styles.image} src={content.url} alt={title} />}
      {content.kind === "audio" && <audio controls src={content.url} aria-label={title} />}
      {content.kind === "video" && (
        <video className={styles.image} controls src={content.url} aria-label={title} />
      )}
      {content.kind === "text" && <p className={styles.narrative}>{content.text}</p>}
      {(content.kind !== "fhir" || item.reading === null) && (
        <Button
          variant="subtle"
          size="compact-md"
          className={styles.save ?? ""}
          leftSection={<Icon name="download" size={18} />}
          onClick={() => saveBlob(content.blob, `${title}${endingOf(item.media_type)}`)}
        >
          {words.save}
        </Button>
      )}
    </>
  );
}

const ENDINGS: Record<string, string> = {
  "application/fhir+json": ".json",
  "application/pdf": ".pdf",
  "text/plain": ".txt",
  "image/png": ".png",
  "image/jpeg": ".jpg",
};

function endingOf(mediaType: string): string {
  return ENDINGS[mediaType] ?? "";
}
