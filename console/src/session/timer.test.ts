import { describe, expect, it } from 'vitest';
import { nextStep, reportEvery, warnBefore, type Clocks } from '@/session/timer';

const MINUTE = 60_000;
const fresh: Clocks = {
  now: 0,
  lastActive: 0,
  lastReported: 0,
  tokenExpiresAt: 5 * MINUTE,
  sessionExpiresAt: 600 * MINUTE,
  inactivity: 60 * MINUTE,
};
const at = (now: number, change: Partial<Clocks> = {}) => nextStep({ ...fresh, now, ...change });

describe('a session', () => {
  it('renews its token before the end, without claiming use', () => {
    expect(at(0)).toEqual({ do: 'wait', until: 4.5 * MINUTE });
    expect(at(4.5 * MINUTE)).toEqual({ do: 'renew', active: false });
  });

  it('reports use after a while, not at once', () => {
    expect(at(1000, { lastActive: 900 })).toEqual({ do: 'wait', until: MINUTE });
    expect(at(MINUTE, { lastActive: 900 })).toEqual({ do: 'renew', active: true });
  });

  it('warns, and ends when the warning is not answered', () => {
    const token = { tokenExpiresAt: 100 * MINUTE };
    expect(at(58 * MINUTE, token)).toEqual({ do: 'warn', endsAt: 60 * MINUTE, until: 60 * MINUTE });
    expect(at(60 * MINUTE, token)).toEqual({ do: 'end', reason: 'inactive' });
  });

  it('does not take a moving mouse for an answer to the warning', () => {
    expect(at(59 * MINUTE, { lastActive: 59 * MINUTE })).toMatchObject({ do: 'warn' });
  });

  it('ends at its end, however much it is used', () => {
    const late = 600 * MINUTE;
    expect(at(late, { lastActive: late, lastReported: late, tokenExpiresAt: late + MINUTE })).toEqual({
      do: 'end',
      reason: 'expired',
    });
  });

  it('never ends for lack of use where there is no limit', () => {
    expect(at(590 * MINUTE, { inactivity: 0, tokenExpiresAt: 595 * MINUTE })).toMatchObject({ do: 'wait' });
  });

  it('leaves time to answer however short the limit is', () => {
    for (const inactivity of [30_000, 5 * MINUTE, 60 * MINUTE]) {
      expect(reportEvery(inactivity)).toBeLessThan(inactivity - warnBefore(inactivity));
      expect(warnBefore(inactivity)).toBeGreaterThan(0);
    }
  });

  it('always moves on: whoever is in use every second is never warned', () => {
    let clocks: Clocks = { ...fresh, inactivity: 3 * MINUTE };
    for (let now = 0; now < 30 * MINUTE; now += 1000) {
      clocks = { ...clocks, now, lastActive: now };
      const step = nextStep(clocks);
      expect(step.do).not.toBe('warn');
      expect(step.do).not.toBe('end');
      if (step.do === 'renew') {
        clocks.tokenExpiresAt = now + 5 * MINUTE;
        if (step.active) clocks.lastReported = now;
      }
    }
  });
});
