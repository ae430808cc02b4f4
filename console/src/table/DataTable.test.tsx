import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { DataTable } from '@/table/DataTable';
import { pagedList, type Column } from '@/table/types';
import { answers, show, type Answers } from '@/testing/render';

type User = components['schemas']['UserOut'];
const columns: Column<User>[] = [
  {
    id: 'name',
    title: 'User',
    primary: true,
    value: (it) => it.username,
    sort: 'username',
    filter: { field: 'username', kind: 'text' },
  },
  { id: 'createdBy', title: 'Created by', value: (it) => it.createdBy },
];
const source = pagedList(
  (page) => request('get', '/api/v1/users', { params: { query: page } }),
  (reply) => reply,
);
const user = (username: string) => ({ id: username, username, createdBy: 'admin' });

let server: Answers;
beforeEach(() => {
  server = answers();
});
afterEach(() => vi.unstubAllGlobals());

function table(address = '/users') {
  return show(
    <DataTable
      id="users"
      label="Users"
      source={source}
      columns={columns}
      rowId={(it) => it.id}
      search="Search users"
      actions={() => [{ label: 'Delete…', onClick: () => undefined }]}
      empty={<p>No users yet</p>}
    />,
    address,
  );
}

it('asks the server for what the address says', async () => {
  server.reply(200, [user('ada')], { 'X-Total-Count': '51' });
  table('/users?q=a&filter=username%3D%40d&sort=-name&page=3');
  expect(await screen.findByText('ada')).toBeVisible();
  const asked = new URL(server.calls[0]?.url ?? '', 'http://x');
  expect(Object.fromEntries(asked.searchParams)).toEqual({
    filterBy: 'username=@d',
    sortBy: 'username',
    sortOrder: 'desc',
    search: 'a',
    offset: '50',
    limit: '25',
  });
  expect(screen.getByText('51–51 of 51')).toBeVisible();
});

it('sorts by the header, with the keyboard too, and tells it to screen readers', async () => {
  server.reply(200, [user('ada')], { 'X-Total-Count': '1' });
  table();
  const header = await screen.findByRole('button', { name: 'User' });
  header.focus();
  await userEvent.keyboard('{Enter}');
  await waitFor(() => expect(server.calls.at(-1)?.url).toContain('sortBy=username&sortOrder=asc'));
  expect(screen.getByRole('columnheader', { name: 'User' })).toHaveAttribute('aria-sort', 'ascending');
});

it('shows what the server stores as text, whatever it looks like', async () => {
  server.reply(200, [user('<img src=x onerror=alert(1)>')], { 'X-Total-Count': '1' });
  table();
  expect(await screen.findByText('<img src=x onerror=alert(1)>')).toBeVisible();
  expect(document.querySelector('img')).toBeNull();
});

it('tells an empty list from one where nothing matches', async () => {
  server.reply(200, [], { 'X-Total-Count': '0' });
  const { unmount } = table();
  expect(await screen.findByText('No users yet')).toBeVisible();
  unmount();
  table('/users?q=zzz');
  expect(await screen.findByText('Nothing matches')).toBeVisible();
});

it('counts to the end only where the server did not', async () => {
  server.reply(200, [user('ada')], {
    Link: '</api/v1/users?offset=25>; rel="next"',
    'X-Runplane-Truncated': '25/1000+',
  });
  table();
  await waitFor(() => expect(server.calls).toHaveLength(2));
  expect(new Headers(server.calls[1]?.init.headers).get('Prefer')).toBe('count=exact');
  expect(await screen.findByText('1–1 of 1000+')).toBeVisible();
});

it('explains a refusal and leads to why', async () => {
  server.reply(403, {
    message: 'You may not view users anywhere.',
    decision: { id: 'd-1', permission: 'users:read', scopePath: [], roles: [] },
  });
  table();
  const alert = await screen.findByRole('alert');
  expect(within(alert).getByText('You may not view users anywhere.')).toBeVisible();
  expect(within(alert).getByRole('link', { name: 'Why was this refused?' })).toHaveAttribute(
    'href',
    '/why?decision=d-1',
  );
});

it('adds a filter as a chip that can be taken away', async () => {
  server.reply(200, [user('ada')], { 'X-Total-Count': '1' });
  table();
  await userEvent.click(await screen.findByRole('button', { name: 'Filter' }));
  await userEvent.type(await screen.findByLabelText('Value'), 'ad');
  await userEvent.click(screen.getByRole('button', { name: 'Add filter' }));
  await waitFor(() => expect(server.calls.at(-1)?.url).toContain('filterBy=username%3D%40ad'));
  await userEvent.click(await screen.findByRole('button', { name: 'Remove the filter User contains ad' }));
  await waitFor(() => expect(screen.queryByRole('button', { name: /^Remove the filter/ })).toBeNull());
});
