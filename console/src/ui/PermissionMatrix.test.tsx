import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it } from 'vitest';
import { show } from '@/testing/render';
import { PermissionMatrix } from '@/ui/PermissionMatrix';
import { matrixOf, onlyGranted, type Held } from '@/ui/permissionTable';

const held = (resourceType: string, displayName: string, groupId: string, ...actions: string[]): Held => ({
  resourceType,
  displayName,
  groupId,
  actions,
});
const ALL = ['create', 'read', 'update', 'delete'];
const EXISTING = [
  held('nodes', 'Nodes', 'physical-resource', 'read'),
  held('users', 'Users', 'iam', ...ALL),
  held('git-assets', 'Data sources', 'workload-asset', ...ALL),
  held('s3-assets', 'Data sources', 'workload-asset', ...ALL),
];

it('tells not allowed from what does not exist, and some kinds from all', () => {
  const groups = matrixOf(
    [held('git-assets', 'Data sources', 'workload-asset', 'read', 'create')],
    [...EXISTING, held('s3-assets', 'Data sources', 'workload-asset', 'read')],
  );
  const row = (name: string) => groups.flatMap((it) => it.rows).find((it) => it.name === name);
  expect(row('Nodes')?.marks).toEqual({ read: 'no', create: 'none', update: 'none', delete: 'none' });
  expect(row('Data sources')?.marks).toEqual({ read: 'part', create: 'part', update: 'no', delete: 'no' });
  expect(onlyGranted(groups).map((it) => it.title)).toEqual(['Workload assets']);
});

it('keeps what is held of a type that nothing else knows', () => {
  const groups = matrixOf([held('moons', 'Moons', 'sky', 'read')], EXISTING);
  expect(groups.at(-1)).toMatchObject({ id: 'sky', title: 'sky', rows: [{ name: 'Moons', granted: true }] });
});

it('says every mark in words, and shows the rest when asked', async () => {
  show(<PermissionMatrix label="Permissions" held={EXISTING.slice(0, 1)} existing={EXISTING} />);
  const table = await screen.findByRole('table', { name: 'Permissions' });
  const nodes = within(table).getByRole('row', { name: /^Nodes/ });
  expect(
    within(nodes)
      .getAllByRole('cell')
      .map((it) => it.textContent),
  ).toEqual(['Allowed', 'Does not exist', 'Does not exist', 'Does not exist']);
  expect(within(table).queryByRole('row', { name: /^Users/ })).toBeNull();
  await userEvent.click(screen.getByRole('switch'));
  expect(within(table).getByRole('row', { name: /^Users/ })).toHaveTextContent('Not allowed');
});

it('says so where nothing is granted', async () => {
  show(<PermissionMatrix label="Permissions" held={[]} existing={EXISTING} nothing="It grants nothing." />);
  expect(await screen.findByText('It grants nothing.')).toBeVisible();
});
