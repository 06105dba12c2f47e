/** Blocks with their levels: a strip to look at, and a list to read. Public: no entry is left by it. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, DataList, Empty, Page, Seal, TimeText, type Column } from "~/components";
import { useView } from "~/session";
import { numberText, useLanguage } from "~/strings";
import { useChainName } from "~/strings/chains";
import { lackWords } from "~/verify/words";
import type { Block, Blocks } from "../shapes";
import { useAuditorStrings } from "../strings";
import { LEVELS, calledName, countLevels, medianTimes } from "./levels";
import styles from "./blocks.module.css";

/** Checkpoints come each second at most; a reader does not need each. */
const EVERY_MS = 5_000;
const SHOWN = 20;
const SHOWN_MAX = 50;

export function BlocksPage() {
  const t = useAuditorStrings().blocks;
  const [count, setCount] = useState(SHOWN);
  const view = useView<Blocks>("/v1/app/audit/blocks", { query: { count }, every_ms: EVERY_MS });
  const origin = view.data?.origin ?? "";
  return (
    <Page title={t.title} {...(origin === "" ? {} : { subtitle: t.subtitle(origin) })}>
      <Await
        view={view}
        shape="cards"
        isEmpty={({ blocks }) => blocks.length === 0}
        empty={<Empty icon="blocks" title={t.none} />}
      >
        {({ blocks, networked }) => (
          <div className={styles.page}>
            {!networked && <p className={styles.quiet}>{t.alone}</p>}
            <Strip blocks={blocks} />
            <BlockList blocks={blocks} />
            {count < SHOWN_MAX && blocks.length >= count && (
              <div>
                <Button variant="default" onClick={() => setCount(SHOWN_MAX)}>
                  {t.older}
                </Button>
              </div>
            )}
          </div>
        )}
      </Await>
    </Page>
  );
}

/** Each block a column that fills from its foot, as the seal does from its left. */
function Strip({ blocks }: { blocks: readonly Block[] }) {
  const t = useAuditorStrings().blocks;
  const counts = countLevels(blocks).map(({ level, count }) => t.atLevel(level, count));
  const times = medianTimes(blocks);
  return (
    <section className={styles.strip}>
      <h2>{t.stripOf(blocks.length)}</h2>
      <div className={styles.columns} role="img" aria-label={`${t.strip}: ${counts.join(", ")}`}>
        {[...blocks].reverse().map((block) => (
          <span key={block.size} className={styles.column}>
            {[...LEVELS].reverse().map((level) => (
              <span key={level} className={styles.cell} data-filled={level <= block.level} />
            ))}
          </span>
        ))}
      </div>
      <p className={styles.quiet}>{counts.join(" · ")}</p>
      {times.length > 0 && (
        <p className={styles.quiet}>
          {t.speed}:{" "}
          {times.map(({ level, ms }) => `L${level} ${t.seconds(numberText(ms / 1000, 1))}`).join(" · ")}
        </p>
      )}
    </section>
  );
}

function BlockList({ blocks }: { blocks: readonly Block[] }) {
  const t = useAuditorStrings().blocks;
  const { language } = useLanguage();
  const chainName = useChainName();
  const range = ({ first, size }: Block) => [numberText(first, 0), numberText(size - 1, 0)] as const;
  const columns: Column<Block>[] = [
    {
      key: "entries",
      title: t.entries,
      render: (block) => <span className={styles.nowrap}>{t.range(...range(block))}</span>,
      primary: true,
    },
    {
      key: "level",
      title: t.level,
      render: (block) => (
        <Seal
          level={block.level}
          size="s"
          facts={{
            what: t.what(...range(block)),
            when: block.signed_at,
            level: block.level,
            cosigned: block.cosigned_by,
            ...(block.anchored_in.length > 0
              ? { technical: { [t.anchored]: block.anchored_in.map(chainName).join(", ") } }
              : {}),
          }}
        />
      ),
    },
    { key: "signed", title: t.signed, render: (block) => <Nowrap at={block.signed_at} /> },
    {
      key: "cosigned",
      title: t.cosigned,
      render: (block) => (
        <span title={block.cosigned_by.join(", ")}>{names(block.cosigned_by.map(calledName), t.nobody)}</span>
      ),
    },
    {
      key: "anchored",
      title: t.anchored,
      render: (block) => names(block.anchored_in.map(chainName), t.nobody),
    },
    {
      key: "missing",
      title: t.missing,
      render: ({ level, missing }) => (
        <span className={styles.quiet} title={missing}>
          {lackWords(level, missing, language) || "–"}
        </span>
      ),
    },
  ];
  return <DataList caption={t.title} rows={blocks} rowKey={(block) => block.size} columns={columns} />;
}

function Nowrap({ at }: { at: string }) {
  return (
    <span className={styles.nowrap}>
      <TimeText at={at} />
    </span>
  );
}

function names(list: readonly string[], nobody: string): string {
  return list.length === 0 ? nobody : list.join(", ");
}
