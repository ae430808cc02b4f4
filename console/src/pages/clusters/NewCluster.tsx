/** From a name to a cluster that speaks, in one dialog. */
import { Button, Group, Modal, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { request } from '@/api/request';
import { TOUCHES, type Cluster } from '@/pages/clusters/clusters';
import { InstallSteps } from '@/pages/clusters/InstallSteps';
import { useCan } from '@/session/hooks';
import { FormBody } from '@/ui/FormDialog';
import { notifyDone } from '@/ui/notify';

export function NewCluster({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const can = useCan();
  const [made, setMade] = useState<Cluster>();
  function close() {
    onClose();
    setMade(undefined);
  }
  function onMade(cluster: Cluster) {
    // Its install command is for those who may change it.
    if (can('cluster:update')) return setMade(cluster);
    notifyDone(`The cluster ${cluster.name} is created.`);
    close();
  }
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={made ? `Connect ${made.name}` : 'New cluster'}
      size={made ? 720 : 480}
      closeOnClickOutside={!made}
    >
      {made ? (
        <>
          <InstallSteps uuid={made.uuid} />
          <Group justify="flex-end" mt="lg">
            <Button onClick={close}>Done</Button>
          </Group>
        </>
      ) : (
        <Create onClose={close} onMade={onMade} />
      )}
    </Modal>
  );
}

function Create({ onClose, onMade }: { onClose: () => void; onMade: (made: Cluster) => void }) {
  const form = useForm({ mode: 'uncontrolled', initialValues: { name: '', domain: '' } });
  return (
    <FormBody
      opened
      title=""
      form={form}
      onClose={onClose}
      request={({ name, domain }) =>
        request('post', '/api/v1/clusters', { body: domain ? { name, domain } : { name } })
      }
      touches={TOUCHES}
      onDone={onMade}
      submit="Create"
    >
      <TextInput
        label="Name"
        placeholder="frankfurt"
        description="Unique in the tenant. It can be changed later."
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        key={form.key('name')}
        {...form.getInputProps('name')}
      />
      <TextInput
        label="Address (optional)"
        placeholder="https://frankfurt.example.com"
        description="Where people reach the cluster. The install command carries it."
        autoComplete="off"
        spellCheck={false}
        key={form.key('domain')}
        {...form.getInputProps('domain')}
      />
    </FormBody>
  );
}
