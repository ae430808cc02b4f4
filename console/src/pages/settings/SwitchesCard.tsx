/** The tenant's switches, as the server lists and describes them. */
import { Button, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { Card } from '@/pages/settings/Card';
import { SettingRow } from '@/pages/settings/SettingRow';
import { useCan } from '@/session/hooks';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { ErrorState } from '@/ui/ErrorState';

const PATH = '/v1/k8s/setting';
const TOUCHES = [PATH, '/api/v1/org-unit'] as const;

type Setting = components['schemas']['SettingOut'];

const isOn = (setting: Setting) => setting.value === 'true';

export function SwitchesCard() {
  const can = useCan();
  const settings = useQuery(queryOf(request('get', PATH)));
  const [asked, setAsked] = useState<Setting>();
  return (
    <Card title="Organization" text="How departments and projects behave in this tenant." rows>
      {settings.isPending && <Skeleton height={150} radius={0} />}
      {settings.error && (
        <ErrorState error={settings.error} onRetry={() => void settings.refetch()} compact />
      )}
      {settings.data?.map((it) => (
        <SettingRow
          key={it.key}
          title={it.label}
          text={`${it.description}.`}
          setting={it.key}
          value={isOn(it) ? 'On' : 'Off'}
          source={it.source === 'Default' ? 'Default' : 'Chosen for this tenant'}
          action={
            can('settings:update') && (
              <Button
                variant="default"
                aria-label={`Turn ${isOn(it) ? 'off' : 'on'}: ${it.label}`}
                onClick={() => setAsked(it)}
              >
                Turn {isOn(it) ? 'off' : 'on'}
              </Button>
            )
          }
        />
      ))}
      {asked && <TurnDialog setting={asked} onClose={() => setAsked(undefined)} />}
    </Card>
  );
}

function TurnDialog({ setting, onClose }: { setting: Setting; onClose: () => void }) {
  const word = isOn(setting) ? 'off' : 'on';
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Turn “${setting.label}” ${word}?`}
      action={`Turn ${word}`}
      danger={false}
      request={request('put', PATH, { body: { key: setting.key, value: !isOn(setting) } })}
      touches={TOUCHES}
      done={`${setting.label}: ${word}.`}
    >
      {setting.description}. It takes effect for everybody in this tenant at once.
    </ConfirmDialog>
  );
}
