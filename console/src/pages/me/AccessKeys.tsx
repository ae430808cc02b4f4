/** Access keys: what signs in as the person from scripts and the command line. */
import { Button, Group, Text } from '@mantine/core';
import { IconCheck, IconKey, IconPlus, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { AccessKeyDetails } from '@/pages/me/AccessKeyDetails';
import { usage } from '@/pages/service-accounts/snippets';
import { DataTable } from '@/table/DataTable';
import { wholeList, type Column } from '@/table/types';
import { CodeSnippet } from '@/ui/CodeSnippet';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { CopyableId } from '@/ui/CopyableId';
import { CredentialForm } from '@/ui/CredentialForm';
import { EmptyState } from '@/ui/EmptyState';
import { ExpiryBadge } from '@/ui/ExpiryBadge';
import { RenewSecretDialog } from '@/ui/RenewSecretDialog';
import { SecretModal } from '@/ui/SecretModal';
import { SecretOnce } from '@/ui/SecretOnce';
import { Steps } from '@/ui/Steps';
import { TimeAgo } from '@/ui/TimeAgo';

type AccessKey = components['schemas']['AccessKey'];
type Made = components['schemas']['CreatedAccessKey'];

const TOUCHES = ['/api/v1/access-keys', '/api/v1/user-applications'] as const;

const columns: readonly Column<AccessKey>[] = [
  {
    id: 'name',
    title: 'Access key',
    primary: true,
    value: (it) => it.name,
    sort: true,
    filter: { kind: 'text' },
  },
  {
    id: 'clientId',
    title: 'Client ID',
    value: (it) => it.clientId,
    render: (it) => <CopyableId id={it.clientId} what="client ID" />,
    filter: { kind: 'text' },
  },
  {
    id: 'expiresAt',
    title: 'Expires',
    value: (it) => it.expiresAt,
    render: (it) => <ExpiryBadge at={it.expiresAt} />,
    sort: true,
    filter: { kind: 'time' },
  },
  {
    id: 'lastLogin',
    title: 'Last used',
    value: (it) => it.lastLogin,
    render: (it) => <TimeAgo at={it.lastLogin} never="Never" />,
    sort: true,
    filter: { kind: 'time' },
  },
  {
    id: 'createdAt',
    title: 'Created',
    value: (it) => it.createdAt,
    render: (it) => <TimeAgo at={it.createdAt} />,
    sort: true,
    filter: { kind: 'time' },
  },
];

const source = wholeList(request('get', '/api/v1/access-keys'), (reply) => reply.accessKeys);

type Asked = { dialog: 'renew' | 'delete'; key: AccessKey } | { dialog: 'create' };

export function AccessKeys() {
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const create = (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setAsked({ dialog: 'create' })}>
      New access key
    </Button>
  );
  return (
    <>
      <Group justify="space-between" mb="sm" gap="sm">
        <Text size="sm" c="dimmed" maw={760}>
          An access key signs in as you: it may do what you may do, at any moment. Make one for each device or
          script.
        </Text>
        {create}
      </Group>
      <DataTable
        id="access-keys"
        label="Access keys"
        source={source}
        columns={columns}
        rowId={(it) => it.id}
        search="Search access keys"
        actions={(key) => [
          { label: 'Renew secret…', icon: IconRefresh, onClick: () => setAsked({ dialog: 'renew', key }) },
          {
            label: 'Delete…',
            icon: IconTrash,
            danger: true,
            onClick: () => setAsked({ dialog: 'delete', key }),
          },
        ]}
        detail={{
          title: (it) => it?.name ?? 'Access key',
          render: (id) => <AccessKeyDetails id={id} />,
        }}
        empty={
          <EmptyState
            icon={IconKey}
            title="No access keys yet"
            text="Scripts and the command line sign in with one instead of your password."
            action={create}
          />
        }
      />
      {asked?.dialog === 'create' && <CreateDialog onClose={close} />}
      {asked?.dialog === 'renew' && (
        <RenewSecretDialog
          name={asked.key.name}
          clientId={asked.key.clientId}
          hint="To end them too, delete the access key."
          request={(query) =>
            request('post', '/api/v1/access-keys/{accessKeyId}/secret', {
              params: { path: { accessKeyId: asked.key.id }, query },
            })
          }
          touches={TOUCHES}
          onClose={close}
        />
      )}
      {asked?.dialog === 'delete' && (
        <ConfirmDialog
          opened
          onClose={close}
          title={`Delete the access key ${asked.key.name}?`}
          action="Delete"
          request={request('delete', '/api/v1/access-keys/{accessKeyId}', {
            params: { path: { accessKeyId: asked.key.id } },
          })}
          touches={TOUCHES}
          done={`${asked.key.name} is deleted.`}
        >
          Its secret and its tokens end at once. What uses it can no longer sign in. This cannot be undone.
        </ConfirmDialog>
      )}
    </>
  );
}

function CreateDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Made>();
  return (
    <SecretModal
      opened
      onClose={onClose}
      title={made ? `Access key ${made.name}` : 'New access key'}
      size={made ? 640 : 480}
      locked={made !== undefined}
    >
      {made ? (
        <Ready made={made} onClose={onClose} />
      ) : (
        <CredentialForm
          placeholder="laptop"
          description="Where it is kept, so that you know later which one to delete."
          request={(body) => request('post', '/api/v1/access-keys', { body })}
          touches={TOUCHES}
          onMade={setMade}
          onClose={onClose}
        />
      )}
    </SecretModal>
  );
}

function Ready({ made, onClose }: { made: Made; onClose: () => void }) {
  const origin = window.location.origin;
  return (
    <>
      <Steps
        steps={[
          {
            title: 'Keep the secret',
            children: (
              <SecretOnce
                fileName={made.name}
                also={[['RUNAI_BASE_URL', origin]]}
                items={[
                  { label: 'Client ID', value: made.clientId, variable: 'CLIENT_ID' },
                  { label: 'Secret', value: made.clientSecret, variable: 'CLIENT_SECRET' },
                ]}
              />
            ),
          },
          { title: 'Use it', children: <CodeSnippet snippets={usage(origin, made.clientId)} /> },
        ]}
      />
      <Group justify="flex-end" mt="lg">
        <Button leftSection={<IconCheck size={15} />} onClick={onClose}>
          I have kept the secret
        </Button>
      </Group>
    </>
  );
}
