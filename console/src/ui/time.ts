/** Instants in words. Pure. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number, number][] = [
  ['minute', MINUTE, HOUR],
  ['hour', HOUR, DAY],
  ['day', DAY, 30 * DAY],
  ['month', 30 * DAY, 365 * DAY],
  ['year', 365 * DAY, Infinity],
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const absolute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** Such as "3 hours ago", "in 2 days" or "now"; `now` in milliseconds. */
export function relativeTime(at: string, now: number): string {
  const seconds = (Date.parse(at) - now) / 1000;
  if (Number.isNaN(seconds)) return at;
  for (const [unit, size, below] of STEPS) {
    // Rounded to the unit below the next one: 59.9 minutes are an hour.
    const count = Math.sign(seconds) * Math.round(Math.abs(seconds) / size);
    if (Math.abs(count) * size < below) {
      return unit === 'minute' && count === 0 ? 'just now' : relative.format(count, unit);
    }
  }
  return at;
}

/** The day of an instant in the reader's own time zone. */
export function dayOf(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : day.format(date);
}

/** The instant in the reader's own time zone. */
export function fullTime(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : absolute.format(date);
}

export type Expiry = { state: 'never' } | { state: 'past' | 'soon' | 'later'; at: string };

/** How long before its end a credential is called out. */
export const SOON_DAYS = 14;

/** Whether a credential has ended, ends soon, later or never. */
export function expiryOf(at: string | null | undefined, now: number): Expiry {
  if (!at) return { state: 'never' };
  const left = Date.parse(at) - now;
  return { state: left <= 0 ? 'past' : left <= SOON_DAYS * DAY * 1000 ? 'soon' : 'later', at };
}
