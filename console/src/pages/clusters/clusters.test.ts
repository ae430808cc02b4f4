import { describe, expect, it } from 'vitest';
import {
  dependenciesOf,
  lookOf,
  platformOf,
  remarkOn,
  simulation,
  type Cluster,
} from '@/pages/clusters/clusters';

type Status = NonNullable<Cluster['status']>;

function cluster(status: Partial<Status> | null, more: Partial<Cluster> = {}): Cluster {
  const empty: Status = {
    state: 'Connected',
    conditions: [],
    operands: {},
    platform: null,
    config: null,
    dependencies: { required: {}, optional: {} },
  };
  return {
    uuid: 'u',
    tenantId: 1001,
    name: 'oslo',
    createdAt: '2026-01-01T00:00:00Z',
    domain: null,
    version: null,
    status: status && { ...empty, ...status },
    updatedAt: null,
    deletedAt: null,
    lastLiveness: null,
    deleteRequestedAt: null,
    simulated: false,
    ...more,
  };
}

describe('lookOf', () => {
  it('says each state in words', () => {
    expect(lookOf(cluster({ state: 'Connected' }))).toMatchObject({ tone: 'good', word: 'Connected' });
    expect(lookOf(cluster({ state: 'MissingPrerequisites' })).word).toBe('Missing prerequisites');
  });

  it('says that a cluster is leaving before anything else', () => {
    const leaving = cluster({ state: 'Connected' }, { deleteRequestedAt: '2026-01-01T00:00:00Z' });
    expect(lookOf(leaving)).toMatchObject({ tone: 'warn', word: 'Being removed' });
  });

  it('shows a state that it does not know as it is', () => {
    expect(lookOf(cluster({ state: 'Dancing' }))).toMatchObject({ tone: 'calm', word: 'Dancing' });
    expect(lookOf(cluster(null)).word).toBe('Unknown');
  });
});

describe('platformOf', () => {
  it('joins what was reported and says nothing of what was not', () => {
    expect(platformOf(cluster({ platform: { type: 'openshift', kubeVersion: '1.31' } }))).toBe(
      'OpenShift 1.31',
    );
    expect(platformOf(cluster({ platform: { type: null, kubeVersion: '1.31' } }))).toBe('1.31');
    expect(platformOf(cluster({ platform: null }))).toBeUndefined();
  });
});

describe('dependenciesOf', () => {
  it('lists what is missing first, and takes any form for what it is', () => {
    const told = {
      required: { prometheus: { available: true }, operator: { available: false, reason: 'not installed' } },
      optional: { knative: 'odd' },
    } as unknown as Status['dependencies'];
    expect(dependenciesOf(cluster({ dependencies: told }))).toEqual([
      { name: 'operator', required: true, available: false, reason: 'not installed' },
      { name: 'knative', required: false, available: false, reason: '' },
      { name: 'prometheus', required: true, available: true, reason: '' },
    ]);
  });
});

it('quotes what goes into a shell', () => {
  expect(simulation("https://it's.example", 'u', "a'b")).toContain(`RUNPLANE_AGENT_SECRET='a'\\''b'`);
});

it('reads the remark of the server off its command', () => {
  expect(remarkOn('# Not there yet. To try it:\n# other\nhelm x')).toBe('Not there yet.');
  expect(remarkOn('# The chart is\n# not there. Try:\nhelm x')).toBe('The chart is not there.');
  expect(remarkOn('helm repo add # fine.')).toBeUndefined();
});
