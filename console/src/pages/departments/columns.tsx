import { useMemo } from 'react';
import { useClusters } from '@/pages/org-units/clusters';
import {
  clusterColumn,
  createdColumn,
  furtherColumns,
  quotaColumns,
  ruleColumns,
} from '@/pages/org-units/columns';
import type { Department } from '@/pages/org-units/units';
import type { Column } from '@/table/types';

const first: readonly Column<Department>[] = [
  {
    id: 'name',
    title: 'Department',
    primary: true,
    value: (it) => it.name,
    sort: 'name',
    filter: { kind: 'text' },
  },
  { id: 'description', title: 'Description', value: (it) => it.description },
];

const further: readonly Column<Department>[] = [
  {
    id: 'trainingTypes',
    title: 'Node types for training',
    hidden: true,
    value: (it) => it.nodeTypes.training?.join(', '),
  },
  {
    id: 'workspaceTypes',
    title: 'Node types for workspaces',
    hidden: true,
    value: (it) => it.nodeTypes.workspace?.join(', '),
  },
  ...ruleColumns<Department>((it, name) => it.schedulingRules?.[name]),
];

export function useColumns(): readonly Column<Department>[] {
  const clusters = useClusters();
  return useMemo(
    () => [...first, ...quotaColumns, clusterColumn(clusters), createdColumn, ...further, ...furtherColumns],
    [clusters],
  );
}
