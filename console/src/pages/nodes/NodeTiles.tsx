/** What the nodes add up to, of the cluster that the list is filtered by or of all. */
import { bytes, useNodeTotal } from '@/api/telemetry';
import { amount } from '@/ui/quota';
import { Tiles, type Tile } from '@/ui/Tiles';

export function NodeTiles({ clusterId }: { clusterId: string | undefined }) {
  const nodes = useNodeTotal('TOTAL_GPU_NODES', clusterId);
  const ready = useNodeTotal('READY_GPU_NODES', clusterId);
  const gpus = useNodeTotal('TOTAL_GPUS', clusterId);
  const allocated = useNodeTotal('ALLOCATED_GPUS', clusterId);
  const gpuMemory = useNodeTotal('TOTAL_GPU_MEMORY_BYTES', clusterId);
  const cpus = useNodeTotal('TOTAL_CPU_CORES', clusterId);
  const memory = useNodeTotal('TOTAL_CPU_MEMORY_BYTES', clusterId);
  const tiles: Tile[] = [
    { label: 'GPU nodes', value: shown(nodes, amount), hint: hint(ready, (it) => `${amount(it)} ready`) },
    { label: 'GPU devices', value: shown(gpus, amount) },
    {
      label: 'Allocated GPUs',
      value: shown(allocated, amount),
      hint: allocated == null ? undefined : hint(gpus, (it) => `of ${amount(it)}`),
    },
    { label: 'GPU memory', value: shown(gpuMemory, bytes) },
    { label: 'CPU cores', value: shown(cpus, amount) },
    { label: 'CPU memory', value: shown(memory, bytes) },
  ];
  return <Tiles label="Sums over the nodes" tiles={tiles} />;
}

function shown(value: number | null | undefined, words: (value: number) => string) {
  return typeof value === 'number' ? words(value) : value;
}

function hint(value: number | null | undefined, words: (value: number) => string) {
  return typeof value === 'number' ? words(value) : undefined;
}
