import { useForm } from '@mantine/form';
import { TextInput } from '@mantine/core';
import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { request } from '@/api/request';
import { answers, show, type Answers } from '@/testing/render';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { FormDialog } from '@/ui/FormDialog';

let server: Answers;
beforeEach(() => {
  server = answers();
});
afterEach(() => vi.unstubAllGlobals());

function Form({ onClose }: { onClose: () => void }) {
  const form = useForm({ mode: 'uncontrolled', initialValues: { name: '' } });
  return (
    <FormDialog
      opened
      onClose={onClose}
      title="New"
      form={form}
      request={({ name }) => request('post', '/api/v1/service-accounts', { body: { name } })}
      touches={['/api/v1/service-accounts']}
      submit="Create"
    >
      <TextInput label="Name" key={form.key('name')} {...form.getInputProps('name')} />
    </FormDialog>
  );
}

async function submit(text: string, onClose = vi.fn()) {
  show(<Form onClose={onClose} />);
  await userEvent.type(await screen.findByLabelText('Name'), text);
  await userEvent.click(screen.getByRole('button', { name: 'Create' }));
  return onClose;
}

it('shows the refusal of a field at the field, keeps what was typed, and moves there', async () => {
  server.reply(400, { code: 400, message: 'name must be lower-case letters.' });
  const onClose = await submit('ABC');
  expect(await screen.findByText('Name must be lower-case letters.')).toBeVisible();
  const input = screen.getByLabelText('Name');
  expect(input).toHaveAttribute('aria-invalid', 'true');
  expect(input).toHaveValue('ABC');
  await waitFor(() => expect(input).toHaveFocus());
  expect(onClose).not.toHaveBeenCalled();
});

it('shows any other refusal above the form', async () => {
  server.reply(409, { code: 409, message: "The service account 'a' already exists." });
  await submit('a');
  expect(await screen.findByRole('alert')).toHaveTextContent('already exists');
});

it('closes when it is done', async () => {
  server.reply(201, {});
  const onClose = await submit('ab');
  await waitFor(() => expect(onClose).toHaveBeenCalledOnce());
  expect(server.calls[0]?.init.body).toBe('{"name":"ab"}');
});

it('a question does nothing before it is answered', async () => {
  const onClose = vi.fn();
  server.reply(200, undefined);
  show(
    <ConfirmDialog
      opened
      onClose={onClose}
      title="Delete ci?"
      action="Delete"
      request={request('delete', '/api/v1/service-accounts/{serviceAccountId}', {
        params: { path: { serviceAccountId: '7' } },
      })}
      touches={[]}
      done="Deleted."
    >
      It ends at once.
    </ConfirmDialog>,
  );
  expect(await screen.findByRole('dialog')).toHaveAccessibleName('Delete ci?');
  expect(server.calls).toHaveLength(0);
  // Enter right after opening must not delete.
  await waitFor(() => expect(screen.getByRole('button', { name: 'Cancel' })).toHaveFocus());
  await userEvent.click(screen.getByRole('button', { name: 'Delete' }));
  await waitFor(() => expect(onClose).toHaveBeenCalledOnce());
  expect(server.calls[0]).toMatchObject({ url: '/api/v1/service-accounts/7', init: { method: 'DELETE' } });
});
