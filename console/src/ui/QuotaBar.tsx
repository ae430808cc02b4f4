/** Deserved, limit and allocated as one bar. Numbers stand beside it: the bar alone says too little. */
import { Tooltip } from '@mantine/core';
import { amount, counted, quotaBar, quotaWords, type Quota } from '@/ui/quota';
import classes from './QuotaBar.module.css';

interface Props extends Quota {
  unit: string;
  /** Only the bar, where the numbers stand in columns of their own. */
  bare?: boolean;
}

export function QuotaBar({ unit, bare, ...quota }: Props) {
  const bar = quotaBar(quota);
  const words = quotaWords(quota, unit);
  return (
    <div className={classes.quota}>
      {!bare && (
        <div className={classes.numbers}>
          <span>
            <b>{quota.allocated === null ? '–' : amount(quota.allocated)}</b> /{' '}
            {quota.deserved === null ? `unlimited ${unit}` : counted(quota.deserved, unit)}
          </span>
          {quota.limit !== null && <span className={classes.limit}>limit {amount(quota.limit)}</span>}
        </div>
      )}
      <Tooltip label={words}>
        <div
          className={classes.track}
          data-unreported={quota.allocated === null || undefined}
          role="img"
          aria-label={words}
        >
          <div className={classes.within} style={{ width: `${bar.within}%` }} />
          <div className={classes.over} style={{ width: `${bar.over}%`, left: `${bar.within}%` }} />
          {bar.mark !== undefined && <div className={classes.mark} style={{ left: `${bar.mark}%` }} />}
        </div>
      </Tooltip>
    </div>
  );
}
