/** Rendering with all that components count on, and a server that answers as told. Only the network is replaced. */
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { vi } from 'vitest';
import { queryClient } from '@/api/query';
import { Providers } from '@/app/Providers';

export interface Answers {
  /** What was sent, in order. */
  calls: { url: string; init: RequestInit }[];
  /** What every call from now on is answered with. */
  reply: (status: number, body: unknown, headers?: Record<string, string>) => void;
}

/** Puts a server behind `fetch`; it answers an empty list until told otherwise. */
export function answers(): Answers {
  let respond = () => new Response('[]');
  const calls: Answers['calls'] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    calls.push({ url, init });
    return Promise.resolve(respond());
  });
  return {
    calls,
    reply: (status, body, headers = {}) => {
      respond = () => new Response(JSON.stringify(body), { status, headers });
    },
  };
}

/** Shows `node` as the page at `address`, with an empty cache. */
export function show(node: ReactNode, address = '/') {
  queryClient.clear();
  const router = createMemoryRouter([{ path: '*', element: node }], { initialEntries: [address] });
  return render(
    <Providers nonce="" env="test">
      <RouterProvider router={router} />
    </Providers>,
  );
}
