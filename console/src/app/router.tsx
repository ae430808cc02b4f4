/** Routes, made from the list of pages. Each page is a file of its own that is loaded when it is visited. */
import { createBrowserRouter, redirect, type RouteObject } from 'react-router';
import { RouteError } from '@/app/RouteError';
import { Root } from '@/app/Root';
import { ALIASES, BARE_PAGES, OTHER_PAGES, SECTIONS, loaderOf } from '@/app/pages';

function pageRoute(path: string, page: string, inside: boolean): RouteObject[] {
  const lazy = loaderOf(page);
  return lazy
    ? [{ path, lazy, errorElement: <RouteError inside={inside} />, HydrateFallback: () => null }]
    : [];
}

/** The routes of the console. */
export function routes(): RouteObject[] {
  const inside = [...SECTIONS.flatMap((it) => it.entries), ...OTHER_PAGES];
  return [
    {
      element: <Root />,
      errorElement: <RouteError />,
      HydrateFallback: () => null,
      children: [
        ...BARE_PAGES.flatMap((page) => pageRoute(`/${page}`, page, false)),
        {
          lazy: () => import('@/app/Shell').then(({ Shell }) => ({ Component: Shell })),
          errorElement: <RouteError />,
          children: [
            ...inside.flatMap((it) => pageRoute(it.path, it.page, true)),
            ...Object.entries(ALIASES).map(([path, to]) => ({
              path,
              loader: () => redirect(to),
              element: null,
            })),
            { path: '*', lazy: () => import('@/app/NotFound') },
          ],
        },
      ],
    },
  ];
}

export const makeRouter = () => createBrowserRouter(routes());
