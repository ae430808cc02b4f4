/**
 * Departments and projects as the API has them, and its calls for either kind.
 *
 * The two families are one shape under two paths; what a page does with both asks here.
 */
import { request, type ApiRequest } from '@/api/request';
import type { components } from '@/api/schema';
import type { Permission } from '@/session/permissions';
import type { Tone } from '@/ui/StatusBadge';

type Schemas = components['schemas'];
export type Department = Schemas['DepartmentOut'];
export type Project = Schemas['ProjectOut'];
export type Unit = Department | Project;
export type Resources = Schemas['ResourcesOut'];
export type ResourcesIn = Schemas['ResourcesIn'];
export type UnitUpdate = Schemas['ProjectUpdate'];
export type WhatIf = Schemas['WhatIfOut'];
export type Kind = 'department' | 'project';

export const DEPARTMENTS_PATH = '/api/v1/org-unit/departments';
export const PROJECTS_PATH = '/api/v1/org-unit/projects';
/** What a change of either kind makes old: a department tells of its projects, and a project of its department. */
export const TOUCHES = [DEPARTMENTS_PATH, PROJECTS_PATH] as const;

export function kindOf(unit: Unit): Kind {
  return 'parentId' in unit ? 'project' : 'department';
}

/** The permission that `action` on this kind takes. */
export function needs(kind: Kind, action: 'create' | 'read' | 'update' | 'delete'): Permission {
  return `${kind}:${action}`;
}

export const readDepartment = (departmentId: string) =>
  request('get', '/api/v1/org-unit/departments/{departmentId}', { params: { path: { departmentId } } });

export const readProject = (projectId: string) =>
  request('get', '/api/v1/org-unit/projects/{projectId}', { params: { path: { projectId } } });

export function readUnit(kind: Kind, id: string): ApiRequest<Unit> {
  return kind === 'project' ? readProject(id) : readDepartment(id);
}

/** Replaces all of a unit that can change; a department has no parent to move to. */
export function updateUnit(kind: Kind, id: string, body: UnitUpdate): ApiRequest<Unit> {
  return kind === 'project'
    ? request('put', '/api/v1/org-unit/projects/{projectId}', { params: { path: { projectId: id } }, body })
    : request('put', '/api/v1/org-unit/departments/{departmentId}', {
        params: { path: { departmentId: id } },
        body,
      });
}

/** Changes the quotas that `body` names; with `validateOnly` only asks what that would do. */
export function patchResources(kind: Kind, id: string, body: ResourcesIn[], validateOnly: boolean) {
  const query = validateOnly ? { validateOnly } : {};
  return kind === 'project'
    ? request('patch', '/api/v1/org-unit/projects/{projectId}/resources', {
        params: { path: { projectId: id }, query },
        body,
      })
    : request('patch', '/api/v1/org-unit/departments/{departmentId}/resources', {
        params: { path: { departmentId: id }, query },
        body,
      });
}

export function deleteUnit(kind: Kind, id: string): ApiRequest {
  return kind === 'project'
    ? request('delete', '/api/v1/org-unit/projects/{projectId}', { params: { path: { projectId: id } } })
    : request('delete', '/api/v1/org-unit/departments/{departmentId}', {
        params: { path: { departmentId: id } },
      });
}

/** What replacing a unit has to say again of what stays as it is. */
export function unchanged(unit: Unit): UnitUpdate {
  return {
    resources: unit.resources.map(({ nodePool, gpu, cpu, memory, priority }) => ({
      nodePool: { id: nodePool.id },
      gpu,
      cpu,
      memory,
      priority,
    })),
    description: unit.description,
    schedulingRules: unit.schedulingRules,
    defaultNodePools: unit.defaultNodePools,
    nodeTypes: unit.nodeTypes,
  };
}

/** The phases of a project, each with the weight it has. */
export const PHASES: Readonly<Record<string, Tone>> = {
  Creating: 'accent',
  Updating: 'accent',
  Initializing: 'accent',
  Ready: 'good',
  NotReady: 'bad',
  Unknown: 'calm',
  Deleting: 'warn',
  Deleted: 'calm',
};
