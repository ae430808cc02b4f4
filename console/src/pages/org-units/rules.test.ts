import { describe, expect, it } from 'vitest';
import {
  durationOf,
  durationWords,
  ruleProblems,
  rulesOf,
  ruleTexts,
  sourceOf,
} from '@/pages/org-units/rules';
import { excessWords, stepWords } from '@/pages/org-units/whatIf';
import type { Resources } from '@/pages/org-units/units';

describe('durations', () => {
  it.each([
    ['45m', 2700],
    ['1d 12h', 129_600],
    ['1.5h', 5400],
    ['2 hours', 7200],
    ['90s', 90],
  ])('%s is %i seconds', (written, seconds) => expect(durationOf(written)).toBe(seconds));
  it.each(['5', 'soon', '1x', '0m', '1h and more', '99999d'])('%s is nonsense', (written) =>
    expect(durationOf(written)).toBeUndefined(),
  );
  it('come back as they went', () => {
    for (const seconds of [1, 59, 60, 3601, 86_400, 172_800, 2 ** 31 - 1])
      expect(durationOf(durationWords(seconds))).toBe(seconds);
    expect(durationOf(' ')).toBeNull();
  });
});

describe('rules of a project', () => {
  const above = { trainingJobTimeLimitSeconds: 86_400 };
  const none = ruleTexts(null);

  it('may be stricter than the department, not looser', () => {
    const said = (text: string) => ruleProblems({ ...none, trainingJobTimeLimitSeconds: text }, above);
    expect(said('12h')).toEqual({});
    expect(said('1d')).toEqual({});
    expect(said('25h').trainingJobTimeLimitSeconds).toMatch(/^At most 1d:/);
    expect(said('later').trainingJobTimeLimitSeconds).toMatch(/^Such as/);
  });

  it('have idle limits below their time limits', () => {
    const texts = {
      ...none,
      interactiveJobTimeLimitSeconds: '2h',
      interactiveJobMaxIdleDurationSeconds: '2h',
    };
    expect(Object.keys(ruleProblems(texts, null))).toEqual(['interactiveJobMaxIdleDurationSeconds']);
  });

  it('are null where none is said', () => {
    expect(rulesOf(none)).toBeNull();
    expect(rulesOf({ ...none, trainingJobTimeLimitSeconds: '1h' })).toEqual({
      trainingJobTimeLimitSeconds: 3600,
    });
  });

  it('know whose word counts', () => {
    const name = 'trainingJobTimeLimitSeconds';
    expect(sourceOf(name, null, {})).toBe('none');
    expect(sourceOf(name, null, above)).toBe('inherited');
    expect(sourceOf(name, { [name]: 60 }, { [name]: 60 })).toBe('own');
  });
});

describe('a what-if in words', () => {
  const nodePool = { id: '7', name: 'default' };
  const resources = [{ nodePool, memory: { units: 'GB' } }] as unknown as Resources[];
  const department = { id: '1', name: 'vision' };

  it.each([
    ['gpu.deserved', 1, 2, 'GPU quota', '1 GPU', '2 GPUs'],
    ['gpu.limit', -1, 4, 'GPU limit', 'Unlimited', '4 GPUs'],
    ['cpu.limit', 1500, -1, 'CPU limit', '1.5 cores', 'Unlimited'],
    ['memory.deserved', 8, 16, 'Memory quota', '8 GB', '16 GB'],
    ['gpu.overQuotaWeight', null, 3, 'Over-quota weight', 'Default', '3'],
    ['priority', null, 'High', 'Priority', 'Default', 'High'],
  ])('%s', (attribute, before, after, what, old, now) => {
    expect(stepWords({ nodePool, attribute, before, after }, resources, resources)).toEqual({
      pool: 'default',
      what,
      before: old,
      after: now,
    });
  });

  it('names the department, the pool and the excess', () => {
    expect(excessWords({ department, nodePool, resource: 'gpu', quota: 16, assigned: 17 })).toBe(
      'The projects of vision would be promised 17 GPUs in default; it has 16 GPUs: 1 GPU too many.',
    );
    expect(excessWords({ department, nodePool, resource: 'memory', quota: 8000, assigned: -1 })).toBe(
      'The projects of vision would be promised unlimited memory in default; it has 8 GB of memory.',
    );
  });
});
