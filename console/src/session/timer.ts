/**
 * When a session renews, reports use, warns and ends. Pure: instants in milliseconds go in, the next step
 * comes out, so that every history can be tested without a clock.
 *
 * The server counts inactivity from the last use it was told of, and so does this: the browser's own idea of
 * "last active" only decides whether there is something to tell.
 */

export interface Clocks {
  now: number;
  /** The last key, click or touch in any tab. */
  lastActive: number;
  /** The last time the server was told of use. */
  lastReported: number;
  tokenExpiresAt: number;
  sessionExpiresAt: number;
  /** Milliseconds without use after which the session ends; 0 is never. */
  inactivity: number;
}

export type Step =
  | { do: 'wait'; until: number }
  | { do: 'renew'; active: boolean }
  | { do: 'warn'; endsAt: number; until: number }
  | { do: 'end'; reason: 'expired' | 'inactive' };

const MINUTE = 60_000;
/** Renewed so long before its end that a slow answer still comes in time. */
const TOKEN_MARGIN = 30_000;

/** How long before the end people are asked whether they are still there. */
export function warnBefore(inactivity: number): number {
  return Math.min(2 * MINUTE, inactivity / 3);
}

/** How long use may go unreported. */
export function reportEvery(inactivity: number): number {
  return Math.min(MINUTE, inactivity / 6);
}

/** What to do at `clocks.now`. */
export function nextStep(clocks: Clocks): Step {
  const { now, lastActive, lastReported, sessionExpiresAt, inactivity } = clocks;
  if (now >= sessionExpiresAt) return { do: 'end', reason: 'expired' };
  const renewAt = clocks.tokenExpiresAt - TOKEN_MARGIN;
  const used = lastActive > lastReported;
  if (inactivity <= 0) {
    return now >= renewAt ? { do: 'renew', active: used } : wait(now, renewAt, sessionExpiresAt);
  }
  const endsAt = lastReported + inactivity;
  const warnAt = endsAt - warnBefore(inactivity);
  const reportAt = lastReported + reportEvery(inactivity);
  if (now >= endsAt) return { do: 'end', reason: 'inactive' };
  // A warning stands until it is answered: moving the mouse on the way to another window is no answer.
  if (now >= warnAt) return { do: 'warn', endsAt, until: Math.min(endsAt, sessionExpiresAt) };
  if (used && now >= reportAt) return { do: 'renew', active: true };
  if (now >= renewAt) return { do: 'renew', active: used };
  return wait(now, renewAt, sessionExpiresAt, warnAt, ...(used ? [reportAt] : []));
}

function wait(now: number, ...instants: number[]): Step {
  return { do: 'wait', until: Math.max(now, Math.min(...instants)) };
}
