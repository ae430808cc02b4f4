import { describe, expect, it } from 'vitest';
import { collect, csvCell, csvLine } from '@/table/csv';

describe('cells of CSV', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])(
    'that would run as a formula are inert: %j',
    (text) => {
      expect(csvCell(text).replace(/^"/, '')).toMatch(/^'/);
    },
  );

  it('that are numbers stay numbers', () => {
    expect(csvCell(-1.5)).toBe('-1.5');
  });

  it('are quoted where they must be', () => {
    expect(csvLine(['a,b', 'say "hi"', 'two\nlines', null, undefined, true])).toBe(
      '"a,b","say ""hi""","two\nlines",,,true',
    );
  });
});

describe('collecting a list', () => {
  const list = Array.from({ length: 25 }, (_, index) => index);
  const load = (offset: number, limit: number) => Promise.resolve(list.slice(offset, offset + limit));

  it('reads page after page to the end', async () => {
    const seen: number[] = [];
    const all = await collect(load, (rows) => seen.push(rows), { max: 100, pageSize: 10 });
    expect(all).toEqual({ rows: list, cut: false });
    expect(seen).toEqual([10, 20, 25]);
  });

  it.each([24, 10, 1])('stops at %i rows and says so', async (max) => {
    const all = await collect(load, () => undefined, { max, pageSize: 10 });
    expect(all).toEqual({ rows: list.slice(0, max), cut: true });
  });

  it('does not call a list cut that just fits', async () => {
    expect((await collect(load, () => undefined, { max: 25, pageSize: 5 })).cut).toBe(false);
  });
});
