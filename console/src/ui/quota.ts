/** The arithmetic of quota bars. Pure. */

export interface Quota {
  /** Null is unlimited. */
  deserved: number | null;
  /** Null is no limit. */
  limit: number | null;
  /** Null where no cluster has reported. */
  allocated: number | null;
}

export interface Bar {
  /** Percent of the track: allocated within the deserved part, and beyond it. */
  within: number;
  over: number;
  /** Where the deserved part ends; undefined where that is the end of the track. */
  mark: number | undefined;
}

/** The bar of a quota. The track is as long as the largest of the three. */
export function quotaBar({ deserved, limit, allocated }: Quota): Bar {
  const used = Math.max(0, allocated ?? 0);
  // Where everything is guaranteed nothing is over, and the bar shows what is used of the limit.
  const quota = deserved ?? Math.max(limit ?? 0, used);
  const length = Math.max(quota, limit ?? 0, used);
  if (length <= 0) return { within: 0, over: 0, mark: undefined };
  const percent = (value: number) => (100 * value) / length;
  return {
    within: percent(Math.min(used, quota)),
    over: percent(Math.max(0, used - quota)),
    mark: quota > 0 && quota < length ? percent(quota) : undefined,
  };
}

/** A quantity with two decimals at most. */
export function amount(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}

/** An amount of something that can be counted, whose plural is given: "1 GPU", "2 GPUs", "0.5 GPUs", "1 MiB". */
export function counted(value: number, unit: string): string {
  return `${amount(value)} ${value === 1 ? unit.replace(/s$/, '') : unit}`;
}

/** The quota as a sentence. */
export function quotaWords({ deserved, limit, allocated }: Quota, unit: string): string {
  const used =
    allocated === null ? 'Nothing is reported as allocated' : `${counted(allocated, unit)} allocated`;
  const over =
    allocated !== null && deserved !== null && allocated > deserved
      ? `, ${amount(allocated - deserved)} over quota`
      : '';
  return `${used}${over}; quota ${deserved === null ? 'unlimited' : amount(deserved)}, ${limit === null ? 'no limit' : `limit ${amount(limit)}`}.`;
}
