import { describe, expect, it } from 'vitest';
import { spanOf } from '@/pages/events/span';

const NOW = Date.parse('2026-03-01T10:20:30.500Z');

describe('spanOf', () => {
  it('ends after now and lasts as long as its name says', () => {
    const { start, end } = spanOf('24h', NOW);
    expect(Date.parse(end)).toBeGreaterThan(NOW);
    expect(Date.parse(end) - Date.parse(start)).toBe(24 * 3_600_000);
  });

  it('stays the same within a minute, so that an answer can be cached', () => {
    expect(spanOf('1h', NOW)).toEqual(spanOf('1h', NOW + 20_000));
    expect(spanOf('1h', NOW)).not.toEqual(spanOf('1h', NOW + 60_000));
  });

  it('takes seven days for a name that it does not know', () => {
    expect(spanOf('forever', NOW)).toEqual(spanOf('7d', NOW));
    expect(spanOf(null, NOW)).toEqual(spanOf('7d', NOW));
  });
});
