/**
 * Lists as CSV (RFC 4180) for spreadsheets.
 *
 * A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return (OWASP: CSV
 * injection). Such cells get an apostrophe, as in the CSV that the server writes itself. Numbers stay numbers.
 */
import type { Cell } from '@/table/types';

const FORMULA = /^[=+\-@\t\r]/;

/** Rows that one file holds at most; the product's own limit. */
export const MAX_ROWS = 20_000;

/** One cell of a CSV file. */
export function csvCell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  const text = String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line of a CSV file, without its end. */
export function csvLine(values: readonly Cell[]): string {
  return values.map(csvCell).join(',');
}

export interface Collected<Row> {
  rows: Row[];
  /** Whether the list has more rows than a file takes. */
  cut: boolean;
}

/** All rows of a list, page by page, `MAX_ROWS` at most. `load` gets (offset, limit). */
export async function collect<Row>(
  load: (offset: number, limit: number) => Promise<readonly Row[]>,
  onProgress: (rows: number) => void,
  options: { max?: number; pageSize?: number } = {},
): Promise<Collected<Row>> {
  const { max = MAX_ROWS, pageSize = 500 } = options;
  const rows: Row[] = [];
  for (;;) {
    // One row more than fits tells whether the list was cut.
    const limit = Math.min(pageSize, max + 1 - rows.length);
    const page = await load(rows.length, limit);
    rows.push(...page);
    onProgress(Math.min(rows.length, max));
    if (rows.length > max) return { rows: rows.slice(0, max), cut: true };
    if (page.length < limit) return { rows, cut: false };
  }
}

/** Hands `lines` to the browser as a file. The mark at the beginning makes spreadsheets read UTF-8. */
export function saveCsv(name: string, lines: readonly string[]): void {
  saveFile(
    `${name}-${new Date().toISOString().slice(0, 10)}.csv`,
    `\uFEFF${lines.join('\r\n')}\r\n`,
    'text/csv',
  );
}

/** Hands `text` to the browser as a file to keep. */
export function saveFile(name: string, text: string, mediaType: string): void {
  saveBlob(name, new Blob([text], { type: `${mediaType};charset=utf-8` }));
}

/** Hands bytes to the browser as a file to keep. */
export function saveBlob(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun once the click is handled; the address must live until then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
