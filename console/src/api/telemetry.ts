/** Sums over what nodes reported. What no node reported has no value here either: never a zero of our own. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import type { components } from '@/api/schema';

type Telemetry = components['schemas']['TelemetryOut'];

/** Milliseconds between looks: agents report every 20 seconds. */
const LOOK_AGAIN = 30_000;

/** Of one cluster where it is given, of all clusters that the person sees otherwise. */
export function nodeTelemetry(type: string, clusterId?: string) {
  return request('get', '/api/v1/nodes/telemetry', {
    params: { query: { telemetryType: type, ...(clusterId ? { clusterId } : {}) } },
  });
}

/** The sum over all nodes; null where none reported one, undefined while it loads or could not be had. */
export function useNodeTotal(type: string, clusterId?: string): number | null | undefined {
  const { data } = useQuery({ ...queryOf(nodeTelemetry(type, clusterId)), refetchInterval: LOOK_AGAIN });
  return data && totalOf(data);
}

/** The sum for each pool of each cluster, under `poolKey`; undefined while it loads. */
export function usePoolTotals(type: string): ReadonlyMap<string, number> | undefined {
  const { data } = useQuery({
    ...queryOf(
      request('get', '/api/v1/nodes/telemetry', {
        params: { query: { telemetryType: type, groupBy: 'ClusterId,Nodepool' } },
      }),
    ),
    select: byPool,
    refetchInterval: LOOK_AGAIN,
  });
  return data;
}

/** Names of pools are unique in a cluster only. */
export function poolKey(clusterId: string, pool: string): string {
  return `${clusterId}/${pool}`;
}

/** The one value of an answer without groups. */
export function totalOf({ values }: Telemetry): number | null {
  const first = values[0];
  return first === undefined ? null : Number(first.value);
}

/** The values of an answer by cluster and pool. */
export function byPool({ values }: Telemetry): ReadonlyMap<string, number> {
  const group = (groups: Telemetry['values'][number]['groups'], key: string) =>
    groups.find((it) => it.key === key)?.value ?? '';
  return new Map(
    values.map(({ value, groups }) => [
      poolKey(group(groups, 'ClusterId'), group(groups, 'Nodepool')),
      Number(value),
    ]),
  );
}

const GIBI = 2 ** 30;

/** Bytes as people size machines: "640 GiB", "1.5 TiB". */
export function bytes(value: number): string {
  const gibi = value / GIBI;
  return gibi >= 1024 ? `${round(gibi / 1024)} TiB` : `${round(gibi)} GiB`;
}

function round(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}
