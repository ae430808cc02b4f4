/**
 * Permission sets as people choose them: for each entity nothing, view, or full access. Pure.
 *
 * The server has them one by one, called `<entity>ReadAccess` and `<entity>EditAccess`. A set whose name ends
 * otherwise is a row of its own, so that a newer server's sets stay choosable.
 */
import type { components } from '@/api/schema';
import { groupRank, groupTitle, union, type Held } from '@/ui/permissionTable';

export type PermissionSet = components['schemas']['PermissionSetOut'];
export type Level = 'none' | 'read' | 'edit';
/** Levels by entity; an entity that is not there has none. */
export type Levels = Readonly<Record<string, Level>>;

export interface Entity {
  slug: string;
  title: string;
  read?: PermissionSet;
  edit?: PermissionSet;
}

export interface EntityGroup {
  id: string;
  title: string;
  entities: Entity[];
}

/** Which entity and level the name of a set says. */
function readName(name: string): { slug: string; level: 'read' | 'edit' } {
  const found = /^(.+)(Read|Edit)Access$/.exec(name);
  return found?.[1]
    ? { slug: found[1], level: found[2] === 'Edit' ? 'edit' : 'read' }
    : { slug: name, level: 'edit' };
}

/** The entities that sets are about, by group, in the order of the permission matrix. */
export function entitiesOf(sets: readonly PermissionSet[]): EntityGroup[] {
  const entities = new Map<string, Entity>();
  for (const set of sets) {
    const { slug, level } = readName(set.name);
    entities.set(slug, { slug, title: '', ...entities.get(slug), [level]: set });
  }
  const groups = new Map<string, Entity[]>();
  for (const it of entities.values()) {
    const own = (it.read ?? it.edit)?.permissions ?? [];
    const group = own[0]?.groupId ?? '';
    groups.set(group, [...(groups.get(group) ?? []), { ...it, title: titleOf(it.slug, own) }]);
  }
  return [...groups]
    .sort(([a], [b]) => groupRank(a) - groupRank(b))
    .map(([id, list]) => ({
      id,
      title: groupTitle(id),
      entities: list.sort((a, b) => a.title.localeCompare(b.title)),
    }));
}

/** The name people know a resource by where the entity is one; else the words of the slug. */
function titleOf(slug: string, permissions: readonly Held[]): string {
  const names = new Set(permissions.map((it) => it.displayName));
  const [only] = names;
  if (names.size === 1 && only) return only;
  const words = slug.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The levels that the sets of a role mean. */
export function levelsOf(names: readonly string[]): Levels {
  const levels: Record<string, Level> = {};
  for (const name of names) {
    const { slug, level } = readName(name);
    if (levels[slug] !== 'edit') levels[slug] = level;
  }
  return levels;
}

/** The sets that levels mean: full access contains view, so that one set for each entity is enough. */
export function setsOf(levels: Levels, groups: readonly EntityGroup[]): PermissionSet[] {
  return groups
    .flatMap((group) => group.entities)
    .flatMap((it) => {
      const level = levels[it.slug] ?? 'none';
      const set = level === 'edit' ? it.edit : level === 'read' ? it.read : undefined;
      return set ? [set] : [];
    });
}

/** What sets grant together. */
export function grantedBy(sets: readonly PermissionSet[]): Held[] {
  return union(sets.map((it) => it.permissions));
}
