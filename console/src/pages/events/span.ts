/** The span of time that the event history shows, as it stands in the address. */

export interface Span {
  start: string;
  end: string;
}

export const SPANS = [
  { value: '1h', label: 'Last hour', hours: 1 },
  { value: '24h', label: 'Last 24 hours', hours: 24 },
  { value: '7d', label: 'Last 7 days', hours: 7 * 24 },
  { value: '30d', label: 'Last 30 days', hours: 30 * 24 },
  { value: '90d', label: 'Last 90 days', hours: 90 * 24 },
] as const;

const DEFAULT = SPANS[2];
export const DEFAULT_SPAN = DEFAULT.value;

/**
 * The span that `name` stands for, seen from `now` (milliseconds). It ends a minute from now: what happens while
 * one looks belongs to it, and within that minute the call stays the same, so that its answer can be cached.
 */
export function spanOf(name: string | null, now: number): Span {
  const hours = (SPANS.find((it) => it.value === name) ?? DEFAULT).hours;
  const minute = 60_000;
  const end = Math.ceil(now / minute) * minute + minute;
  return {
    start: new Date(end - hours * 60 * minute).toISOString(),
    end: new Date(end).toISOString(),
  };
}
