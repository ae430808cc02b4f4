import { describe, expect, it } from 'vitest';
import { entitiesOf, grantedBy, levelsOf, setsOf, type PermissionSet } from '@/pages/roles/sets';

const held = (resourceType: string, displayName: string, groupId: string, actions: string[]) => ({
  resourceType,
  displayName,
  groupId,
  actions,
});
const PROJECT_READ = held('project', 'Projects', 'organization', ['read']);
const PROJECT_ALL = held('project', 'Projects', 'organization', ['create', 'read', 'update', 'delete']);
const set = (name: string, ...permissions: ReturnType<typeof held>[]): PermissionSet => ({
  id: `id-${name}`,
  name,
  description: '',
  permissions,
});
const SETS = [
  set('nodesReadAccess', held('nodes', 'Nodes', 'physical-resource', ['read'])),
  set('projectsEditAccess', PROJECT_ALL, held('tenant', 'Account', 'organization', ['read'])),
  set('projectsReadAccess', PROJECT_READ),
  set(
    'dataAndStorageReadAccess',
    held('pvc-assets', 'PVC', 'workload-asset', ['read']),
    held('s3-assets', 'Data sources', 'workload-asset', ['read']),
  ),
];

describe('entitiesOf', () => {
  it('makes one row of the two sets of an entity, under the name people know', () => {
    const groups = entitiesOf(SETS);
    expect(groups.map((it) => it.title)).toEqual(['Organization', 'Resources', 'Workload assets']);
    const [projects] = groups[0]?.entities ?? [];
    expect(projects).toMatchObject({ slug: 'projects', title: 'Projects' });
    expect(projects?.read?.name).toBe('projectsReadAccess');
    expect(projects?.edit?.name).toBe('projectsEditAccess');
  });

  it('calls an entity of several resources by its own words, and offers no editing where there is none', () => {
    const groups = entitiesOf(SETS);
    expect(groups[2]?.entities[0]?.title).toBe('Data and storage');
    expect(groups[1]?.entities[0]?.edit).toBeUndefined();
  });

  it('keeps a set with an unknown kind of name choosable', () => {
    const groups = entitiesOf([set('everythingAtOnce', PROJECT_ALL)]);
    expect(setsOf({ everythingAtOnce: 'edit' }, groups).map((it) => it.name)).toEqual(['everythingAtOnce']);
  });
});

it('levels and sets say the same', () => {
  const groups = entitiesOf(SETS);
  const levels = levelsOf(['projectsEditAccess', 'projectsReadAccess', 'nodesReadAccess']);
  expect(levels).toEqual({ projects: 'edit', nodes: 'read' });
  expect(setsOf(levels, groups).map((it) => it.name)).toEqual(['projectsEditAccess', 'nodesReadAccess']);
  expect(setsOf({ projects: 'none' }, groups)).toEqual([]);
});

it('sets grant together what each of them grants', () => {
  const both = grantedBy(SETS.filter((it) => it.name.startsWith('projects')));
  expect(both.find((it) => it.resourceType === 'project')?.actions.toSorted()).toEqual([
    'create',
    'delete',
    'read',
    'update',
  ]);
  expect(both).toHaveLength(2);
});
