import { describe, expect, it } from 'vitest';
import { byPool, bytes, poolKey, totalOf } from '@/api/telemetry';

const answer = (values: Parameters<typeof totalOf>[0]['values']) => ({ type: 'T', timestamp: '', values });

it('is null where nothing was reported, and not 0', () => {
  expect(totalOf(answer([]))).toBeNull();
  expect(totalOf(answer([{ value: '0', groups: [] }]))).toBe(0);
});

it('tells pools of the same name in two clusters apart', () => {
  const of = (cluster: string, value: string) => ({
    value,
    groups: [
      { key: 'ClusterId', value: cluster, name: null },
      { key: 'Nodepool', value: 'default', name: null },
    ],
  });
  const found = byPool(answer([of('a', '8'), of('b', '4')]));
  expect([found.get(poolKey('a', 'default')), found.get(poolKey('b', 'default'))]).toEqual([8, 4]);
});

describe('bytes', () => {
  it.each([
    [80 * 2 ** 30, '80 GiB'],
    [1.5 * 2 ** 40, '1.5 TiB'],
    [2 ** 29, '0.5 GiB'],
  ])('%d', (value, words) => expect(bytes(value)).toBe(words));
});
