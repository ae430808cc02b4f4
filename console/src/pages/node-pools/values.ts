/** What the form of a node pool holds, and the bodies it makes of that. Pure. */
import type { components } from '@/api/schema';
import type { Pool } from '@/pages/node-pools/columns';

type Strategy = 'spread' | 'binpack';
type Detection = 'Use' | 'DontUse' | 'Auto';
type Changes = components['schemas']['PoolChanges'];

export interface PoolValues {
  clusterId: string | null;
  name: string;
  labelKey: string;
  labelValue: string;
  gpu: Strategy;
  cpu: Strategy;
  overProvisioningRatio: number | string;
  minGuaranteedRuntime: string;
  gpuNetworkAccelerationDetection: Detection;
  gpuNetworkAccelerationLabelKey: string;
  swapEnabled: boolean;
  cpuSwapMemorySize: string;
  reservedGpuMemoryForSwapOperations: string;
  nodeLevelSchedulerEnabled: boolean;
}

/** A new pool, with the contract's own defaults. */
export const FRESH: PoolValues = {
  clusterId: null,
  name: '',
  labelKey: '',
  labelValue: '',
  gpu: 'binpack',
  cpu: 'binpack',
  overProvisioningRatio: 1,
  minGuaranteedRuntime: '',
  gpuNetworkAccelerationDetection: 'Auto',
  gpuNetworkAccelerationLabelKey: '',
  swapEnabled: false,
  cpuSwapMemorySize: '100G',
  reservedGpuMemoryForSwapOperations: '2G',
  nodeLevelSchedulerEnabled: false,
};

/** A pool as the form shows it. */
export function valuesOf(pool: Pool): PoolValues {
  const optimization = pool.gpuResourceOptimization;
  return {
    clusterId: pool.clusterId,
    name: pool.name,
    labelKey: pool.isDefault ? '' : pool.labelKey,
    labelValue: pool.isDefault ? '' : pool.labelValue,
    gpu: strategy(pool.placementStrategy.gpu),
    cpu: strategy(pool.placementStrategy.cpu),
    overProvisioningRatio: pool.overProvisioningRatio,
    minGuaranteedRuntime: pool.schedulingConfiguration.minGuaranteedRuntime ?? '',
    gpuNetworkAccelerationDetection: detection(pool.gpuNetworkAccelerationDetection),
    // Left out of the answer where nobody chose one.
    gpuNetworkAccelerationLabelKey: pool.gpuNetworkAccelerationLabelKey ?? '',
    swapEnabled: optimization.swapEnabled,
    cpuSwapMemorySize: optimization.cpuSwapMemorySize,
    reservedGpuMemoryForSwapOperations: optimization.reservedGpuMemoryForSwapOperations,
    nodeLevelSchedulerEnabled: optimization.nodeLevelSchedulerEnabled,
  };
}

/** The specification without the label; null is the default of a member. */
function specification(values: PoolValues): Changes {
  return {
    overProvisioningRatio: Number(values.overProvisioningRatio) || null,
    gpuNetworkAccelerationDetection: values.gpuNetworkAccelerationDetection,
    gpuNetworkAccelerationLabelKey: values.gpuNetworkAccelerationLabelKey.trim() || null,
    gpuResourceOptimization: {
      swapEnabled: values.swapEnabled,
      cpuSwapMemorySize: values.cpuSwapMemorySize.trim(),
      reservedGpuMemoryForSwapOperations: values.reservedGpuMemoryForSwapOperations.trim(),
      nodeLevelSchedulerEnabled: values.nodeLevelSchedulerEnabled,
    },
    schedulingConfiguration: {
      placementStrategy: { gpu: values.gpu, cpu: values.cpu },
      minGuaranteedRuntime: values.minGuaranteedRuntime.trim() || null,
    },
  };
}

/** The body that makes a pool. */
export function creation(values: PoolValues): components['schemas']['PoolIn'] {
  return {
    ...specification(values),
    name: values.name.trim(),
    clusterId: values.clusterId ?? '',
    labelKey: values.labelKey.trim(),
    labelValue: values.labelValue.trim(),
  };
}

/** The body that changes a pool. The default pool has no label to change. */
export function change(values: PoolValues, isDefault: boolean): Changes {
  const label = { labelKey: values.labelKey.trim(), labelValue: values.labelValue.trim() };
  return { ...(isDefault ? {} : label), ...specification(values) };
}

function strategy(text: string): Strategy {
  return text === 'spread' ? 'spread' : 'binpack';
}

function detection(text: string): Detection {
  return text === 'Use' || text === 'DontUse' ? text : 'Auto';
}
