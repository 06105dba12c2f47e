/** Rows of a kind: a table where there is room, cards where there is not (both are one table to a screen reader). */

import type { ReactNode } from "react";
import styles from "./DataList.module.css";

export interface Column<R> {
  key: string;
  title: string;
  render: (row: R) => ReactNode;
  /** The heading of a row's card; where rows open, it is the button. */
  primary?: boolean;
  numeric?: boolean;
}

interface Props<R> {
  rows: readonly R[];
  columns: readonly Column<R>[];
  rowKey: (row: R) => string | number;
  onRow?: (row: R) => void;
  /** What the table is, for those who do not see where it stands. */
  caption: string;
}

export function DataList<R>({ rows, columns, rowKey, onRow, caption }: Props<R>) {
  return (
    <div className={styles.wrap}>
      <table className={styles.table} role="table">
        <caption className="t-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ key, title, numeric }) => (
              <th key={key} scope="col" role="columnheader" data-numeric={numeric === true || undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr
              key={rowKey(row)}
              role="row"
              {...(onRow && { className: styles.open ?? "", onClick: () => onRow(row) })}
            >
              {columns.map((column) => (
                <Cell key={column.key} column={column} row={row} {...(onRow && { onRow })} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<R>({ column, row, onRow }: { column: Column<R>; row: R; onRow?: (row: R) => void }) {
  const { title, render, primary, numeric } = column;
  const content = render(row);
  return (
    <td
      role="cell"
      data-title={title}
      data-primary={primary === true || undefined}
      data-numeric={numeric === true || undefined}
    >
      {primary === true && onRow !== undefined ? (
        <button
          type="button"
          className={styles.enter}
          onClick={(event) => {
            event.stopPropagation();
            onRow(row);
          }}
        >
          {content}
        </button>
      ) : (
        content
      )}
    </td>
  );
}
