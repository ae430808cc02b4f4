/** What is asked before a cluster is renamed or removed, and its install command. */
import { Button, Checkbox, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { request } from '@/api/request';
import { TOUCHES, type Cluster } from '@/pages/clusters/clusters';
import { InstallSteps } from '@/pages/clusters/InstallSteps';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { FormDialog } from '@/ui/FormDialog';

interface Props {
  cluster: Cluster;
  onClose: () => void;
}

export function InstallDialog({ cluster, onClose }: Props) {
  return (
    <Modal opened onClose={onClose} title={`Install the agent of ${cluster.name}`} size={720}>
      <InstallSteps uuid={cluster.uuid} />
      <Group justify="flex-end" mt="lg">
        <Button onClick={onClose}>Done</Button>
      </Group>
    </Modal>
  );
}

export function RenameDialog({ cluster, onClose }: Props) {
  const form = useForm({ mode: 'uncontrolled', initialValues: { name: cluster.name } });
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={`Rename ${cluster.name}`}
      form={form}
      request={(body) =>
        request('put', '/api/v1/clusters/{clusterUuid}', {
          params: { path: { clusterUuid: cluster.uuid } },
          body,
        })
      }
      touches={TOUCHES}
      done="The cluster is renamed."
      submit="Rename"
    >
      <TextInput
        label="Name"
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        key={form.key('name')}
        {...form.getInputProps('name')}
      />
    </FormDialog>
  );
}

export function RemoveDialog({ cluster, onClose }: Props) {
  const leaving = cluster.deleteRequestedAt !== null;
  const [force, setForce] = useState(leaving);
  // No agent ever spoke: nobody has to clean up, and the server does not wait.
  const silent = cluster.lastLiveness === null;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Remove the cluster ${cluster.name}?`}
      action={force && !silent ? 'Remove now' : 'Remove'}
      request={request('delete', '/api/v1/clusters/{clusterUuid}', {
        params: { path: { clusterUuid: cluster.uuid }, query: force ? { force } : {} },
      })}
      touches={TOUCHES}
      done={
        force || silent
          ? `${cluster.name} is removed.`
          : `The agent of ${cluster.name} was asked to clean up.`
      }
    >
      <Stack gap="sm">
        <span>
          All departments, projects, quotas and node pools in it go too, and the access rules on them end.
          This cannot be undone.
        </span>
        {silent ? (
          <span>No agent has spoken for it, so it is removed at once.</span>
        ) : (
          <Checkbox
            label="Do not wait for the agent"
            description={
              leaving
                ? 'The agent was asked to clean up and has not said that it has.'
                : 'Otherwise the agent cleans up first. Choose this only if it is gone for good.'
            }
            checked={force}
            disabled={leaving}
            onChange={(event) => setForce(event.currentTarget.checked)}
          />
        )}
      </Stack>
    </ConfirmDialog>
  );
}
