import { screen } from '@testing-library/react';
import { useState } from 'react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { request } from '@/api/request';
import { DataTable } from '@/table/DataTable';
import { wholeList, type Column } from '@/table/types';
import { answers, show } from '@/testing/render';

interface Row {
  id: string;
}

beforeEach(() => answers().reply(200, [{ id: '7' }]));
afterEach(() => vi.unstubAllGlobals());

const source = wholeList(request('get', '/api/v1/clusters'), (reply) => reply as unknown as Row[]);
const columnsOf = (name: string | null): readonly Column<Row>[] => [
  { id: 'id', title: 'ID', primary: true, value: (it) => it.id },
  { id: 'name', title: 'Name', value: () => name },
  { id: 'shout', title: 'Loud', value: () => name, render: () => name?.toUpperCase() },
];

function Learning() {
  const [columns, setColumns] = useState(columnsOf(null));
  return (
    <>
      <button type="button" onClick={() => setColumns(columnsOf('oslo'))}>
        Learn
      </button>
      <DataTable id="t" label="T" source={source} columns={columns} rowId={(it) => it.id} empty="none" />
    </>
  );
}

it('shows what columns learn after the rows came', async () => {
  show(<Learning />);
  expect(await screen.findAllByText('–')).toHaveLength(2);
  await userEvent.click(screen.getByRole('button', { name: 'Learn' }));
  expect(screen.getByText('oslo')).toBeVisible();
  expect(screen.getByText('OSLO')).toBeVisible();
});
