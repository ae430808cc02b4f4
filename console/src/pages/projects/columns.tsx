import { useMemo } from 'react';
import { useClusters } from '@/pages/org-units/clusters';
import {
  clusterColumn,
  createdColumn,
  furtherColumns,
  quotaColumns,
  ruleColumns,
} from '@/pages/org-units/columns';
import { PHASES, type Project } from '@/pages/org-units/units';
import type { Column } from '@/table/types';
import { StatusBadge } from '@/ui/StatusBadge';

/** The phase in the words of the product's own list. */
export function PhaseBadge({ phase, message }: { phase: string; message: string | null }) {
  return (
    <StatusBadge tone={PHASES[phase] ?? 'calm'} hint={message ?? HINTS[phase]}>
      {phase === 'NotReady' ? 'Not ready' : phase}
    </StatusBadge>
  );
}

const HINTS: Readonly<Record<string, string>> = {
  Creating: 'The agent of the cluster has not made it yet.',
  Unknown: 'Nothing has been heard from the cluster for a while.',
};

const first: readonly Column<Project>[] = [
  {
    id: 'name',
    title: 'Project',
    primary: true,
    value: (it) => it.name,
    sort: 'name',
    filter: { kind: 'text' },
  },
  {
    id: 'department',
    title: 'Department',
    value: (it) => it.parent.name,
    sort: 'parentName',
    filter: { field: 'parentName', kind: 'text' },
  },
  {
    id: 'phase',
    title: 'Status',
    value: (it) => it.status.phase,
    render: (it) => <PhaseBadge phase={it.status.phase} message={it.status.phaseMessage} />,
    sort: 'phase',
    width: 120,
    filter: { kind: 'text', choices: Object.keys(PHASES).map((it) => ({ value: it, label: it })) },
  },
];

const further: readonly Column<Project>[] = [
  { id: 'description', title: 'Description', hidden: true, value: (it) => it.description },
  { id: 'namespace', title: 'Namespace', hidden: true, value: (it) => it.status.namespace },
  {
    id: 'trainingTypes',
    title: 'Node types for training',
    hidden: true,
    value: (it) => it.effective.nodeTypes.training?.join(', '),
  },
  {
    id: 'workspaceTypes',
    title: 'Node types for workspaces',
    hidden: true,
    value: (it) => it.effective.nodeTypes.workspace?.join(', '),
  },
  ...ruleColumns<Project>((it, name) => it.effective.schedulingRules[name]),
];

export function useColumns(): readonly Column<Project>[] {
  const clusters = useClusters();
  return useMemo(
    () => [...first, ...quotaColumns, clusterColumn(clusters), createdColumn, ...further, ...furtherColumns],
    [clusters],
  );
}
