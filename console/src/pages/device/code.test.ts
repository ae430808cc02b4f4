import { describe, expect, it } from 'vitest';
import { isComplete, shownCode } from './code';

describe('shownCode', () => {
  it.each([
    ['bcdfghjk', 'BCDF-GHJK'],
    ['BCDF-GHJK', 'BCDF-GHJK'],
    [' bcdf ghjk ', 'BCDF-GHJK'],
    ['bcdf–ghjk', 'BCDF-GHJK'],
    ['bcdf', 'BCDF'],
    ['bcdfg', 'BCDF-G'],
    ['BCDF-GHJKLM', 'BCDF-GHJK'],
    ['aeiou01', ''],
    ['<b>', 'B'],
  ])('%s is shown as %s', (typed, shown) => {
    expect(shownCode(typed)).toBe(shown);
  });

  it('is complete with eight letters', () => {
    expect(isComplete('BCDF-GHJ')).toBe(false);
    expect(isComplete('BCDF-GHJK')).toBe(true);
  });
});
