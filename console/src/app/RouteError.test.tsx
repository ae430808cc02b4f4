import { render, screen } from '@testing-library/react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Providers } from '@/app/Providers';
import { RouteError } from '@/app/RouteError';

function showBroken(error: Error, inside: boolean) {
  const Broken = () => {
    throw error;
  };
  const router = createMemoryRouter([
    { path: '*', element: <Broken />, errorElement: <RouteError inside={inside} /> },
  ]);
  return render(
    <Providers nonce="" env="test">
      <RouterProvider router={router} />
    </Providers>,
  );
}

describe('a page that broke', () => {
  // React and the router say themselves what was thrown.
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });

  it('says so, takes the focus, and shows what to report', async () => {
    showBroken(new Error('the list is no list'), true);
    const heading = await screen.findByRole('heading', { name: 'This page broke' });
    expect(heading).toHaveFocus();
    expect(document.title).toContain('This page broke');
    expect(screen.getByText(/the list is no list/)).toBeInTheDocument();
    // The frame around it has the main landmark.
    expect(screen.queryByRole('main')).toBeNull();
  });

  it.each([
    'Failed to fetch dynamically imported module: https://x/assets/users-1.js',
    'error loading dynamically imported module',
    'Importing a module script failed.',
  ])('whose file is gone was updated: %s', async (message) => {
    showBroken(new TypeError(message), true);
    expect(await screen.findByRole('heading', { name: 'The console was updated' })).toBeInTheDocument();
    expect(screen.queryByText('What to report')).toBeNull();
  });

  it('stands alone where there is no frame', async () => {
    showBroken(new TypeError('x is undefined'), false);
    expect(await screen.findByRole('heading', { name: 'This page broke' })).toBeInTheDocument();
    expect(screen.getByRole('main')).toBeInTheDocument();
  });
});
