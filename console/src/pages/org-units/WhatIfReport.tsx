/** What saving would do: who would be over, then every change. */
import { Text } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import type { Resources, WhatIf } from '@/pages/org-units/units';
import { excessWords, stepWords } from '@/pages/org-units/whatIf';
import { Note } from '@/ui/Note';
import classes from './WhatIfReport.module.css';

interface Props {
  report: WhatIf;
  /** The resources as they are now. */
  before: readonly Resources[];
}

export function WhatIfReport({ report, before }: Props) {
  return (
    <div className={classes.report}>
      <Verdict report={report} />
      {report.changes.length === 0 ? (
        <Text size="sm" c="dimmed">
          Nothing changes: the quotas are like this already.
        </Text>
      ) : (
        <ul className={classes.changes} aria-label="Changes">
          {report.changes.map((step) => {
            const words = stepWords(step, before, report.resources);
            return (
              <li key={`${step.nodePool.id} ${step.attribute}`}>
                <span className={classes.what}>
                  {words.what} <span className={classes.pool}>in {words.pool}</span>
                </span>
                <span className={classes.step}>
                  <span className={classes.before}>{words.before}</span>
                  <IconArrowRight size={14} aria-label="becomes" />
                  <b>{words.after}</b>
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

function Verdict({ report }: { report: WhatIf }) {
  if (report.over.length === 0) {
    return <Note>Nobody would be over: the department has what its projects are promised.</Note>;
  }
  const sentences = (
    <ul className={classes.over}>
      {report.over.map((it) => (
        <li key={`${it.nodePool.id} ${it.resource}`}>{excessWords(it)}</li>
      ))}
    </ul>
  );
  return report.allowed ? (
    <Note tone="warn" title="More would be promised than there is">
      {sentences}
      <p className={classes.last}>
        It can be saved; when all want their quota at once, somebody has to wait.
      </p>
    </Note>
  ) : (
    <Note tone="bad" title="This cannot be saved">
      {sentences}
      <p className={classes.last}>
        Projects may not exceed their department here: raise its quota or lower a project’s first.
      </p>
    </Note>
  );
}
