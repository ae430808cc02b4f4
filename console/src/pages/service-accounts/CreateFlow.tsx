/**
 * From nothing to a program that may do something, in one dialog: make the account, keep its secret, give it
 * access, see how to use it. The second half cannot be closed by a slip: the secret would be gone.
 */
import { Button, Group } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { request } from '@/api/request';
import { TOUCHES } from '@/pages/service-accounts/columns';
import { usage } from '@/pages/service-accounts/snippets';
import { useCan } from '@/session/hooks';
import { AccessRuleForm } from '@/ui/AccessRuleForm';
import { AccessRuleList } from '@/ui/AccessRuleList';
import { CodeSnippet } from '@/ui/CodeSnippet';
import { CredentialForm } from '@/ui/CredentialForm';
import { SecretModal } from '@/ui/SecretModal';
import { SecretOnce } from '@/ui/SecretOnce';
import { Steps } from '@/ui/Steps';

interface Made {
  id: string;
  name: string;
  clientId: string;
  clientSecret: string;
}

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
      title={made ? `Service account ${made.name}` : 'New service account'}
      size={made ? 640 : 480}
      locked={made !== undefined}
    >
      {made ? (
        <Ready made={made} onClose={close} />
      ) : (
        <CredentialForm
          placeholder="ci-pipeline"
          description="What will use it: people see this name in the event history."
          request={(body) => request('post', '/api/v1/service-accounts', { body })}
          touches={TOUCHES}
          onMade={setMade}
          onClose={close}
        />
      )}
    </SecretModal>
  );
}

function Ready({ made, onClose }: { made: Made; onClose: () => void }) {
  const can = useCan();
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
          {
            title: 'Give it access',
            children: (
              <>
                <AccessRuleList subjectId={made.name} subjectTypes={['service-account', 'app']} />
                {can('access_rules:create') && (
                  <AccessRuleForm subject={{ subjectType: 'service-account', subjectId: made.clientId }} />
                )}
              </>
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
