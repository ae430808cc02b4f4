/** A new secret: the old one ends at once, or works on until the programs that use it have the new one. */
import { Button, Group, Radio, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useAction } from '@/api/query';
import type { ApiRequest } from '@/api/request';
import { CurlButton } from '@/ui/CurlButton';
import { FormError } from '@/ui/FormError';
import { SecretModal } from '@/ui/SecretModal';
import { SecretOnce } from '@/ui/SecretOnce';

interface Props {
  /** Of the service account or the access key. */
  name: string;
  clientId: string;
  /** How to end the tokens that the old secret got, where that is wanted. */
  hint: string;
  /** The call, given how long both secrets work; nothing for at once. */
  request: (query: { overlap?: string }) => ApiRequest<{ clientSecret: string }>;
  touches: readonly string[];
  onClose: () => void;
}

const OVERLAPS = [
  {
    value: '',
    label: 'At once',
    text: 'For a secret that leaked. Programs that use it fail until they have the new one.',
  },
  { value: '1h', label: 'In an hour', text: 'Both work for an hour.' },
  { value: '24h', label: 'In a day', text: 'Both work for a day.' },
  { value: '7d', label: 'In a week', text: 'Both work for seven days.' },
] as const;

export function RenewSecretDialog({ name, clientId, hint, request, touches, onClose }: Props) {
  const [overlap, setOverlap] = useState('24h');
  const renewal = () => request(overlap ? { overlap } : {});
  const renew = useAction({ request: renewal, touches, quiet: true });
  const secret = renew.data?.clientSecret;
  return (
    <SecretModal
      opened
      onClose={onClose}
      title={secret ? `New secret of ${name}` : `Renew the secret of ${name}`}
      size={520}
      locked={secret !== undefined}
    >
      {secret ? (
        <Stack gap="md">
          <SecretOnce
            fileName={name}
            also={[['RUNAI_BASE_URL', window.location.origin]]}
            items={[
              { label: 'Client ID', value: clientId, variable: 'CLIENT_ID' },
              { label: 'Secret', value: secret, variable: 'CLIENT_SECRET' },
            ]}
          />
          <Group justify="flex-end">
            <Button onClick={onClose}>I have kept the secret</Button>
          </Group>
        </Stack>
      ) : (
        <Stack gap="md">
          <FormError error={renew.error} />
          <Radio.Group label="The old secret ends" value={overlap} onChange={setOverlap}>
            <Stack gap={10} mt="xs">
              {OVERLAPS.map(({ value, label, text }) => (
                <Radio key={value} value={value} label={label} description={text} size="xs" />
              ))}
            </Stack>
          </Radio.Group>
          <Text size="sm" c="dimmed">
            Tokens that were got with the old secret stay good until they expire. {hint}
          </Text>
          <Group justify="flex-end" gap="xs">
            <CurlButton request={renewal} />
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button loading={renew.isPending} onClick={() => renew.mutate()}>
              Renew secret
            </Button>
          </Group>
        </Stack>
      )}
    </SecretModal>
  );
}
