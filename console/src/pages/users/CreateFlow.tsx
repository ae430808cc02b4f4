/** A new person in one dialog: the address, the password to hand over, what the person may do. */
import { Button, Group, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { TOUCHES } from '@/pages/users/columns';
import { TemporaryPassword } from '@/pages/users/TemporaryPassword';
import { useCan } from '@/session/hooks';
import { AccessRuleForm } from '@/ui/AccessRuleForm';
import { AccessRuleList } from '@/ui/AccessRuleList';
import { FormBody } from '@/ui/FormDialog';
import { SecretModal } from '@/ui/SecretModal';
import { Steps } from '@/ui/Steps';

type Made = components['schemas']['UserCreatedOut'];

export function CreateFlow({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [made, setMade] = useState<Made>();
  function close() {
    onClose();
    setMade(undefined);
  }
  return (
    <SecretModal
      opened={opened}
      onClose={close}
      title={made ? `User ${made.username}` : 'New local user'}
      size={made ? 640 : 480}
      locked={made !== undefined}
    >
      {made ? <Ready made={made} onClose={close} /> : <Create onClose={close} onMade={setMade} />}
    </SecretModal>
  );
}

function Create({ onClose, onMade }: { onClose: () => void; onMade: (made: Made) => void }) {
  const form = useForm({
    initialValues: { email: '' },
    validate: { email: (value) => (value.trim() ? null : 'Enter the address the person will sign in with.') },
  });
  return (
    <FormBody
      opened
      title=""
      form={form}
      onClose={onClose}
      request={({ email }) => request('post', '/api/v1/users', { body: { email: email.trim() } })}
      touches={TOUCHES}
      onDone={onMade}
      submit="Create"
    >
      <TextInput
        label="E-mail"
        type="email"
        placeholder="ada@example.com"
        description="The person signs in with this address and a temporary password, which you get next. No mail is sent."
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps('email')}
      />
      <Text size="sm" c="dimmed">
        People of an identity provider need no user here: they appear when they first sign in.
      </Text>
    </FormBody>
  );
}

function Ready({ made, onClose }: { made: Made; onClose: () => void }) {
  const can = useCan();
  const seesRules = can('access_rules:read');
  const addsRules = can('access_rules:create');
  const access = (
    <>
      {seesRules && <AccessRuleList subjectId={made.username} subjectTypes={['user']} />}
      {addsRules && <AccessRuleForm subject={{ subjectType: 'user', subjectId: made.username }} />}
    </>
  );
  return (
    <>
      <Steps
        steps={[
          {
            title: 'Hand over the password',
            children: (
              <>
                <TemporaryPassword email={made.username} password={made.tempPassword} />
                <Text size="sm" c="dimmed">
                  It must be replaced at the first sign-in.
                </Text>
              </>
            ),
          },
          ...(seesRules || addsRules ? [{ title: 'Give access', children: access }] : []),
        ]}
      />
      <Group justify="flex-end" mt="lg">
        <Button leftSection={<IconCheck size={15} />} onClick={onClose}>
          I have kept the password
        </Button>
      </Group>
    </>
  );
}
