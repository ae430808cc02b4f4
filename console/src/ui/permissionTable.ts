/** What a role or a person may do, as a table of resources and actions. Pure. */
import type { components } from '@/api/schema';

export type Held = components['schemas']['ResourcePermissions'];

export const ACTIONS = ['read', 'create', 'update', 'delete'] as const;
export type MatrixAction = (typeof ACTIONS)[number];

/** `part`: the row stands for several resource types, and only some of them may be acted on. */
export type Mark = 'yes' | 'part' | 'no' | 'none';

export interface MatrixRow {
  name: string;
  marks: Readonly<Record<MatrixAction, Mark>>;
  granted: boolean;
}

export interface MatrixGroup {
  id: string;
  title: string;
  rows: MatrixRow[];
}

/** The server's `groupId`, in the words of the navigation and in its order. */
const GROUPS: readonly (readonly [id: string, title: string])[] = [
  ['organization', 'Organization'],
  ['physical-resource', 'Resources'],
  ['iam', 'Access'],
  ['workload', 'Workloads'],
  ['workload-asset', 'Workload assets'],
  ['dashboard', 'Dashboards'],
];

/** The title of a group; a group this console does not know is called by its id. */
export function groupTitle(id: string): string {
  return GROUPS.find(([it]) => it === id)?.[1] ?? id;
}

/** Order of groups, the unknown ones last. */
export function groupRank(id: string): number {
  const at = GROUPS.findIndex(([it]) => it === id);
  return at < 0 ? GROUPS.length : at;
}

/**
 * `held` by group and name. `existing` says which actions there are at all, such as everything a System
 * administrator holds; without it only what is held has rows. Types of one name (the kinds of data sources)
 * share a row.
 */
export function matrixOf(held: readonly Held[], existing: readonly Held[] = held): MatrixGroup[] {
  const has = new Set(held.flatMap((it) => it.actions.map((action) => `${it.resourceType}:${action}`)));
  const groups = new Map<string, Map<string, Held[]>>();
  const known = new Set(existing.map((it) => it.resourceType));
  for (const it of [...existing, ...held.filter(({ resourceType }) => !known.has(resourceType))]) {
    const names = groups.get(it.groupId) ?? new Map<string, Held[]>();
    groups.set(it.groupId, names.set(it.displayName, [...(names.get(it.displayName) ?? []), it]));
  }
  return [...groups]
    .sort(([a], [b]) => groupRank(a) - groupRank(b))
    .map(([id, names]) => ({
      id,
      title: groupTitle(id),
      rows: [...names]
        .map(([name, types]) => rowOf(name, types, has))
        .sort((a, b) => a.name.localeCompare(b.name)),
    }));
}

/** Groups with only the rows that grant something. */
export function onlyGranted(groups: readonly MatrixGroup[]): MatrixGroup[] {
  return groups
    .map((group) => ({ ...group, rows: group.rows.filter((row) => row.granted) }))
    .filter((group) => group.rows.length > 0);
}

function rowOf(name: string, types: readonly Held[], has: ReadonlySet<string>): MatrixRow {
  const mark = (action: MatrixAction): Mark => {
    const able = types.filter((it) => it.actions.includes(action));
    const count = able.filter((it) => has.has(`${it.resourceType}:${action}`)).length;
    if (able.length === 0) return 'none';
    return count === able.length ? 'yes' : count > 0 ? 'part' : 'no';
  };
  const marks = {
    read: mark('read'),
    create: mark('create'),
    update: mark('update'),
    delete: mark('delete'),
  };
  return { name, marks, granted: ACTIONS.some((it) => marks[it] === 'yes' || marks[it] === 'part') };
}

/** What several lists of permissions hold together. */
export function union(lists: readonly (readonly Held[])[]): Held[] {
  const byType = new Map<string, Held>();
  for (const it of lists.flat()) {
    const before = byType.get(it.resourceType);
    const actions = [...new Set([...(before?.actions ?? []), ...it.actions])];
    byType.set(it.resourceType, { ...it, actions });
  }
  return [...byType.values()];
}
