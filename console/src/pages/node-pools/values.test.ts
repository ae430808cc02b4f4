import { expect, it } from 'vitest';
import { change, creation, FRESH, valuesOf } from '@/pages/node-pools/values';
import type { Pool } from '@/pages/node-pools/columns';

const FILLED = { ...FRESH, clusterId: 'c', name: ' a100 ', labelKey: 'tier ', labelValue: 'a100' };

it('makes a pool of what was typed, without the spaces around it', () => {
  expect(creation(FILLED)).toMatchObject({
    name: 'a100',
    clusterId: 'c',
    labelKey: 'tier',
    schedulingConfiguration: { placementStrategy: { gpu: 'binpack' }, minGuaranteedRuntime: null },
  });
});

it('sends no label for the default pool, which has none', () => {
  expect(change(FILLED, true)).not.toHaveProperty('labelKey');
  expect(change(FILLED, false)).toHaveProperty('labelKey', 'tier');
});

it('shows a pool as it is, so that saving at once changes nothing', () => {
  const placement = { gpu: 'spread', cpu: 'binpack' };
  const pool = {
    clusterId: 'c',
    name: 'a100',
    isDefault: false,
    labelKey: 'tier',
    labelValue: 'a100',
    overProvisioningRatio: 2,
    placementStrategy: placement,
    schedulingConfiguration: { placementStrategy: placement, minGuaranteedRuntime: '5d' },
    gpuNetworkAccelerationDetection: 'DontUse',
    gpuResourceOptimization: {
      swapEnabled: true,
      cpuSwapMemorySize: '50G',
      reservedGpuMemoryForSwapOperations: '1G',
      nodeLevelSchedulerEnabled: true,
    },
  } as unknown as Pool;
  expect(change(valuesOf(pool), false)).toEqual({
    labelKey: 'tier',
    labelValue: 'a100',
    overProvisioningRatio: 2,
    gpuNetworkAccelerationDetection: 'DontUse',
    gpuNetworkAccelerationLabelKey: null,
    gpuResourceOptimization: pool.gpuResourceOptimization,
    schedulingConfiguration: pool.schedulingConfiguration,
  });
});
