/** Credentials that end soon or ended lately. Pure. */
import { expiryOf } from '@/ui/time';

export interface Credential {
  id: string;
  name: string;
  expiresAt: string | null;
}

/** How long an ended credential is still called out: whoever used it may only notice now. */
const STILL_DAYS = 30;
const DAY = 86_400_000;

/** Those that end within the time that badges call soon, or ended within a month; the nearest end first. */
export function expiring<It extends Credential>(all: readonly It[], now: number): It[] {
  return all
    .filter(({ expiresAt }) => {
      const { state } = expiryOf(expiresAt, now);
      if (state === 'past') return now - Date.parse(expiresAt ?? '') < STILL_DAYS * DAY;
      return state === 'soon';
    })
    .sort((a, b) => Date.parse(a.expiresAt ?? '') - Date.parse(b.expiresAt ?? ''));
}
