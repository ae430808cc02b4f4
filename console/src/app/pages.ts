/**
 * The pages of the console, as data: navigation, titles and routes follow from this list.
 *
 * A page is the file `src/pages/<page>/page.tsx` with an export `Component`. An entry whose file does not exist
 * is not shown and has no route, so that nothing leads nowhere.
 */
import {
  IconActivity,
  IconBuilding,
  IconFolders,
  IconGauge,
  IconHelpHexagon,
  IconHistory,
  IconKey,
  IconLayoutDashboard,
  IconRobot,
  IconServer2,
  IconSettings,
  IconShieldCheck,
  IconStack2,
  IconTopologyStar3,
  IconUsers,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import type { Need } from '@/session/permissions';

export interface PageEntry {
  path: string;
  /** Folder below src/pages. */
  page: string;
  title: string;
  icon: ComponentType<{ size?: number | string; stroke?: number | string }>;
  /** Hidden without; an empty list is for everybody. */
  needs: Need;
}

export interface Section {
  title: string | null;
  entries: readonly PageEntry[];
}

/** Side navigation, in the product's order. */
export const SECTIONS: readonly Section[] = [
  {
    title: null,
    entries: [{ path: '/', page: 'overview', title: 'Overview', icon: IconLayoutDashboard, needs: [] }],
  },
  {
    title: 'Organization',
    entries: [
      {
        path: '/departments',
        page: 'departments',
        title: 'Departments',
        icon: IconBuilding,
        needs: 'department:read',
      },
      { path: '/projects', page: 'projects', title: 'Projects', icon: IconFolders, needs: 'project:read' },
    ],
  },
  {
    title: 'Resources',
    entries: [
      {
        path: '/clusters',
        page: 'clusters',
        title: 'Clusters',
        icon: IconTopologyStar3,
        needs: 'cluster:read',
      },
      {
        path: '/node-pools',
        page: 'node-pools',
        title: 'Node pools',
        icon: IconStack2,
        needs: 'nodepools:read',
      },
      { path: '/nodes', page: 'nodes', title: 'Nodes', icon: IconServer2, needs: 'nodes:read' },
    ],
  },
  {
    title: 'Access',
    entries: [
      { path: '/users', page: 'users', title: 'Users', icon: IconUsers, needs: 'users:read' },
      {
        path: '/service-accounts',
        page: 'service-accounts',
        title: 'Service accounts',
        icon: IconRobot,
        needs: ['service-account:read', 'apps:read'],
      },
      { path: '/roles', page: 'roles', title: 'Roles', icon: IconShieldCheck, needs: 'roles:read' },
      {
        path: '/access-rules',
        page: 'access-rules',
        title: 'Access rules',
        icon: IconKey,
        needs: 'access_rules:read',
      },
    ],
  },
  {
    title: 'Admin',
    entries: [
      {
        path: '/settings',
        page: 'settings',
        title: 'General settings',
        icon: IconSettings,
        needs: ['security-settings:read', 'branding-settings:read', 'settings:read'],
      },
      {
        path: '/events',
        page: 'events',
        title: 'Event history',
        icon: IconHistory,
        needs: 'events-history:read',
      },
      {
        path: '/api-usage',
        page: 'api-usage',
        title: 'API usage',
        icon: IconActivity,
        needs: 'events-history:read',
      },
    ],
  },
  {
    title: 'Tools',
    entries: [
      { path: '/why', page: 'why', title: 'Why was this refused?', icon: IconHelpHexagon, needs: [] },
    ],
  },
];

/** Pages with the shell around them that the side navigation does not list. */
export const OTHER_PAGES: readonly PageEntry[] = [
  { path: '/me', page: 'me', title: 'User settings', icon: IconGauge, needs: [] },
];

/** Pages without the shell: they are for people who may not be signed in. */
export const BARE_PAGES = ['sign-in', 'sign-out', 'authorize', 'device', 'oauth-code'] as const;

/** Older names that stay findable. */
export const ALIASES: Readonly<Record<string, string>> = {
  '/applications': '/service-accounts',
  '/settings-and-tools': '/settings',
  '/overview': '/',
};

const files = import.meta.glob<{ Component: ComponentType }>('../pages/*/page.tsx');

/** Loads a page; undefined where it is not built. */
export function loaderOf(page: string): (() => Promise<{ Component: ComponentType }>) | undefined {
  return files[`../pages/${page}/page.tsx`];
}

/** The sections with the entries that exist and that `can` allows; empty ones are left out. */
export function visibleSections(
  can: (need: Need) => boolean,
  exists: (page: string) => boolean = (page) => loaderOf(page) !== undefined,
): Section[] {
  return SECTIONS.map((section) => ({
    ...section,
    entries: section.entries.filter((it) => exists(it.page) && can(it.needs)),
  })).filter((section) => section.entries.length > 0);
}
