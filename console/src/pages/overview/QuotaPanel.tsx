/** GPU quota against allocation: the departments or projects with the largest quota. */
import { SegmentedControl, Skeleton, VisuallyHidden } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Suspense, lazy, useState, type ReactNode } from 'react';
import { pageOf, queryOf } from '@/api/query';
import { request } from '@/api/request';
import { listClusters } from '@/pages/clusters/clusters';
import type { Kind } from '@/pages/org-units/units';
import { Nothing, Panel } from '@/pages/overview/Panel';
import { quotaRows, rowWords } from '@/pages/overview/quotaRows';
import { useCan } from '@/session/hooks';
import classes from './QuotaPanel.module.css';

const Chart = lazy(() => import('@/pages/overview/QuotaChart'));

/** More bars than these are read one by one on the page of the list. */
const SHOWN = 8;
const LARGEST = { limit: SHOWN, sortBy: 'totalGpuQuota', sortOrder: 'desc' } as const;

const departments = () => request('get', '/api/v1/org-unit/departments', { params: { query: LARGEST } });
const projects = () => request('get', '/api/v1/org-unit/projects', { params: { query: LARGEST } });

export function QuotaPanel() {
  const can = useCan();
  const kinds: Kind[] = [
    ...(can('department:read') ? (['department'] as const) : []),
    ...(can('project:read') ? (['project'] as const) : []),
  ];
  const [chosen, setChosen] = useState<Kind>();
  const kind = chosen ?? kinds[0];
  if (!kind) return null;
  const tools = kinds.length > 1 && (
    <SegmentedControl
      size="xs"
      aria-label="GPU quota of"
      value={kind}
      onChange={(next) => setChosen(next)}
      data={[
        { value: 'department', label: 'Departments' },
        { value: 'project', label: 'Projects' },
      ]}
    />
  );
  return kind === 'department' ? <Departments tools={tools} /> : <Projects tools={tools} />;
}

function Departments({ tools }: { tools: ReactNode }) {
  const query = useQuery(pageOf(departments()));
  return (
    <Panel title="GPU quota" to="/departments" more="All departments" query={query} tools={tools}>
      {({ data, total }) => <Bars kind="department" units={data.departments} total={total} />}
    </Panel>
  );
}

function Projects({ tools }: { tools: ReactNode }) {
  const query = useQuery(pageOf(projects()));
  return (
    <Panel title="GPU quota" to="/projects" more="All projects" query={query} tools={tools}>
      {({ data, total }) => <Bars kind="project" units={data.projects} total={total} />}
    </Panel>
  );
}

interface BarsProps {
  kind: Kind;
  units: Parameters<typeof quotaRows>[0];
  total: number | undefined;
}

function Bars({ kind, units, total }: BarsProps) {
  const can = useCan();
  const clusters = useQuery({ ...queryOf(listClusters()), enabled: can('cluster:read') });
  const names = new Map((clusters.data ?? []).map((it) => [it.uuid, it.name]));
  const { rows, empty, reported } = quotaRows(units, names);
  if (rows.length === 0) {
    return (
      <Nothing>
        {units.length === 0
          ? `There is no ${kind} that you may see.`
          : `No ${kind} has a GPU quota yet: what is free is shared by all. Give one on its page.`}
      </Nothing>
    );
  }
  return (
    <div className={classes.quota}>
      <div aria-hidden="true">
        <Suspense fallback={<Skeleton height={rows.length * 34 + 44} />}>
          <Chart rows={rows} reported={reported} />
        </Suspense>
      </div>
      <VisuallyHidden component="ul" aria-label={`GPU quota by ${kind}`}>
        {rows.map((it) => (
          <li key={it.id}>
            {it.name}: {rowWords(it)}
          </li>
        ))}
      </VisuallyHidden>
      <p className={classes.legend}>
        <span data-of="quota">Quota</span>
        {reported ? (
          <span data-of="allocated">Allocated</span>
        ) : (
          <em>Allocation is not shown: no cluster reports it.</em>
        )}
        <em>{leftOut(kind, units.length, empty, total)}</em>
      </p>
    </div>
  );
}

/** What the bars leave out. */
function leftOut(kind: Kind, given: number, empty: number, total: number | undefined): string | undefined {
  if (total === undefined || total > given)
    return `The largest of ${total === undefined ? 'very many' : total.toLocaleString('en')} ${kind}s.`;
  if (empty > 0) return `${empty} more ${empty === 1 ? `${kind} has` : `${kind}s have`} no quota.`;
  return undefined;
}
