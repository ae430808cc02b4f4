import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { usage } from '@/pages/service-accounts/snippets';
import { envFile } from '@/ui/env';
import { counted, quotaBar, quotaWords } from '@/ui/quota';
import { expiryOf, relativeTime } from '@/ui/time';

const NOW = Date.parse('2026-06-15T12:00:00Z');
const after = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

describe('instants in words', () => {
  it.each([
    [0, 'just now'],
    [-20, 'just now'],
    [-3540, '59 minutes ago'],
    [-3590, '1 hour ago'],
    [7200, 'in 2 hours'],
    [86400 * 3, 'in 3 days'],
    [-86400 * 45, '2 months ago'],
    [86400 * 800, 'in 2 years'],
  ])('%i s from now is "%s"', (seconds, words) => {
    expect(relativeTime(after(seconds), NOW)).toBe(words);
  });

  it('call out a credential two weeks before its end', () => {
    expect(expiryOf(null, NOW).state).toBe('never');
    expect(expiryOf(after(86400 * 14 + 1), NOW).state).toBe('later');
    expect(expiryOf(after(86400 * 14), NOW).state).toBe('soon');
    expect(expiryOf(after(0), NOW).state).toBe('past');
  });
});

describe('quota bars', () => {
  it('never leave their track', () => {
    for (const deserved of [0, 1, 8])
      for (const limit of [null, 0, 4, 16])
        for (const allocated of [null, 0, 3, 20]) {
          const { within, over, mark } = quotaBar({ deserved, limit, allocated });
          expect(within).toBeGreaterThanOrEqual(0);
          expect(within + over).toBeLessThanOrEqual(100 + 1e-9);
          expect(mark ?? 50).toBeLessThan(100);
        }
  });

  it('tell quota from what is over it', () => {
    expect(quotaBar({ deserved: 4, limit: 10, allocated: 6 })).toEqual({ within: 40, over: 20, mark: 40 });
    expect(quotaWords({ deserved: 4, limit: null, allocated: 6 }, 'GPUs')).toBe(
      '6 GPUs allocated, 2 over quota; quota 4, no limit.',
    );
  });

  it('count one as one', () => {
    expect(counted(1, 'GPUs')).toBe('1 GPU');
    expect(counted(0.5, 'GPUs')).toBe('0.5 GPUs');
    expect(counted(0, 'cores')).toBe('0 cores');
    expect(counted(1, 'MiB')).toBe('1 MiB');
    expect(quotaWords({ deserved: 4, limit: null, allocated: 1 }, 'GPUs')).toBe(
      '1 GPU allocated; quota 4, no limit.',
    );
  });
});

describe('what is copied into shells', () => {
  it('files of variables hold the values exactly', () => {
    const value = `a'b $HOME "c" \\d #e`;
    const script = `set -a\n${envFile([
      ['SECRET', value],
      ['PLAIN', 'https://x.example:8080/a'],
    ])}printf '%s|%s' "$SECRET" "$PLAIN"`;
    expect(execFileSync('sh', ['-c', script]).toString()).toBe(`${value}|https://x.example:8080/a`);
  });

  it('the curl snippet is a script that shells accept and Python accepts its own', () => {
    const [curl, python] = usage('https://runplane.example.com', '01a2-b3');
    execFileSync('sh', ['-n', '-c', curl?.code ?? 'false (']);
    expect(curl?.code).toContain('https://runplane.example.com/api/v1/token');
    expect(python?.code).toContain('client_id="01a2-b3"');
  });
});
