/** "Download as CSV" of a table: every row that the filters leave, all columns, shown or not. */
import { useState } from 'react';
import { asApiError } from '@/api/errors';
import { MAX_ROWS, csvLine, saveCsv } from '@/table/csv';
import type { DataTableProps } from '@/table/DataTable';
import type { Rows } from '@/table/useRows';
import { notifyDone, notifyError } from '@/ui/notify';

export function useCsv<Row>(table: DataTableProps<Row>, rows: Rows<Row>) {
  const [progress, setProgress] = useState<number>();
  async function download() {
    setProgress(0);
    try {
      const all = await rows.all(setProgress);
      const head = csvLine(table.columns.map((it) => it.title));
      saveCsv(table.id, [head, ...all.rows.map((row) => csvLine(table.columns.map((it) => it.value(row))))]);
      if (all.cut)
        notifyDone(`The file holds the first ${MAX_ROWS.toLocaleString('en')} rows; filter for the others.`);
    } catch (error) {
      notifyError(asApiError(error));
    } finally {
      setProgress(undefined);
    }
  }
  return { download, busy: progress !== undefined, rows: progress ?? 0 };
}
