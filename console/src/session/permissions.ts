/** What the signed-in person holds, and what an entry or a button needs. Pure. */

export type Action = 'create' | 'read' | 'update' | 'delete';
/** Such as `users:read`, as a 403 prints it. */
export type Permission = `${string}:${Action}`;
/** One permission, or several of which any will do; nothing is needed by an empty list. */
export type Need = Permission | readonly Permission[];

export interface ResourcePermissions {
  resourceType: string;
  actions: readonly string[];
}

/** The answer of `/authorization/permissions` as a set of `resource:action`. */
export function permissionSet(given: readonly ResourcePermissions[]): ReadonlySet<string> {
  return new Set(given.flatMap((it) => it.actions.map((action) => `${it.resourceType}:${action}`)));
}

/** Whether `held` satisfies `need`. */
export function holds(held: ReadonlySet<string>, need: Need): boolean {
  const any = typeof need === 'string' ? [need] : need;
  return any.length === 0 || any.some((it) => held.has(it));
}
