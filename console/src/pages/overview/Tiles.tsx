/** The few numbers that say how things stand; each leads to what it counts. */
import { Skeleton } from '@mantine/core';
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { Link } from 'react-router';
import type { ApiError } from '@/api/errors';
import { pageOf, queryOf } from '@/api/query';
import { request } from '@/api/request';
import type { Cluster } from '@/pages/clusters/clusters';
import { useCan } from '@/session/hooks';
import { amount } from '@/ui/quota';
import classes from './Tiles.module.css';

const ONE = { limit: 1 } as const;

const gpus = (telemetryType: 'TOTAL_GPUS' | 'ALLOCATED_GPUS') =>
  queryOf(request('get', '/api/v1/nodes/telemetry', { params: { query: { telemetryType } } }));

export function Tiles({ clusters }: { clusters: UseQueryResult<Cluster[], ApiError> }) {
  const can = useCan();
  return (
    <ul className={classes.tiles}>
      {can('cluster:read') && <Clusters query={clusters} />}
      {can('nodes:read') && <Gpus />}
      {can('department:read') && <Departments />}
      {can('project:read') && <Projects />}
    </ul>
  );
}

function Clusters({ query }: { query: UseQueryResult<Cluster[], ApiError> }) {
  const all = query.data;
  const connected = all?.filter((it) => it.status?.state === 'Connected').length;
  return (
    <Tile
      to="/clusters"
      title="Clusters connected"
      value={all && `${connected} of ${all.length}`}
      failed={query.isError}
      hint={all?.some((it) => it.simulated) ? 'Some of them are simulated' : undefined}
    />
  );
}

function Gpus() {
  const total = useQuery(gpus('TOTAL_GPUS'));
  const allocated = useQuery(gpus('ALLOCATED_GPUS'));
  const used = valueOf(allocated.data);
  const all = valueOf(total.data);
  return (
    <Tile
      to="/nodes"
      title="GPUs"
      value={total.data && (all === undefined ? 'Not reported' : amount(all))}
      failed={total.isError}
      hint={
        all === undefined || !allocated.data
          ? undefined
          : used === undefined
            ? 'Allocation is not reported'
            : `${amount(used)} allocated`
      }
    />
  );
}

function Departments() {
  const query = useQuery(pageOf(request('get', '/api/v1/org-unit/departments', { params: { query: ONE } })));
  return (
    <Tile
      to="/departments"
      title="Departments"
      value={query.data && count(query.data.total)}
      failed={query.isError}
    />
  );
}

function Projects() {
  const query = useQuery(pageOf(request('get', '/api/v1/org-unit/projects', { params: { query: ONE } })));
  return (
    <Tile
      to="/projects"
      title="Projects"
      value={query.data && count(query.data.total)}
      failed={query.isError}
    />
  );
}

interface TileProps {
  to: string;
  title: string;
  /** Undefined while it is on its way. */
  value: string | undefined;
  failed: boolean;
  hint?: string | undefined;
}

function Tile({ to, title, value, failed, hint }: TileProps) {
  return (
    <li>
      <Link to={to} className={classes.tile}>
        <span className={classes.title}>{title}</span>
        <span className={classes.value}>
          {failed ? 'Could not be loaded' : (value ?? <Skeleton height={20} width={64} mt={5} />)}
        </span>
        {hint && <span className={classes.hint}>{hint}</span>}
      </Link>
    </li>
  );
}

function valueOf(told: { values: { value: string }[] } | undefined): number | undefined {
  const value = told?.values[0]?.value;
  return value === undefined ? undefined : Number(value);
}

function count(total: number | undefined): string {
  return total === undefined ? 'Very many' : total.toLocaleString('en');
}
