/** The three security settings. Each is changed in a dialog of its own: they take effect for everybody at once. */
import { Button, Checkbox, NumberInput, Skeleton, Switch, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { Card } from '@/pages/settings/Card';
import {
  isDefault,
  LOGOUT,
  REDIRECT,
  TIMEOUT,
  type Security,
  type SecurityKey,
  type SecurityText,
} from '@/pages/settings/security';
import { SettingRow } from '@/pages/settings/SettingRow';
import { useCan } from '@/session/hooks';
import { ErrorState } from '@/ui/ErrorState';
import { FormDialog } from '@/ui/FormDialog';

const PATH = '/api/v1/security/settings';
/** How long a session may be unused stands in the options of the session too. */
const TOUCHES = [PATH, '/api/v1/session/options'] as const;

type Body = components['schemas']['SecuritySettingIn'];

function put(key: SecurityKey, body: Body) {
  return request('put', `${PATH}/{key}`, { params: { path: { key } }, body });
}

export function SecurityCard() {
  const settings = useQuery(queryOf(request('get', PATH)));
  const [editing, setEditing] = useState<SecurityKey>();
  const close = () => setEditing(undefined);
  return (
    <Card title="Security" text="How browsers sign in to this tenant, and how long they stay." rows>
      {settings.isPending && <Skeleton height={220} radius={0} />}
      {settings.error && (
        <ErrorState error={settings.error} onRetry={() => void settings.refetch()} compact />
      )}
      {settings.data && (
        <>
          <Row about={TIMEOUT} value={settings.data.browserSessionTimeout} onEdit={setEditing} />
          <Row about={REDIRECT} value={settings.data.autoRedirectSSO} onEdit={setEditing} />
          <Row about={LOGOUT} value={settings.data.logoutRedirectUri} onEdit={setEditing} />
          {editing === 'browserSessionTimeout' && (
            <TimeoutDialog value={settings.data.browserSessionTimeout} onClose={close} />
          )}
          {editing === 'autoRedirectSSO' && (
            <RedirectDialog value={settings.data.autoRedirectSSO} onClose={close} />
          )}
          {editing === 'logoutRedirectUri' && (
            <LogoutDialog value={settings.data.logoutRedirectUri} onClose={close} />
          )}
        </>
      )}
    </Card>
  );
}

function Row<Key extends SecurityKey>({
  about,
  value,
  onEdit,
}: {
  about: SecurityText<Key>;
  value: Security[Key];
  onEdit: (key: Key) => void;
}) {
  const can = useCan();
  return (
    <SettingRow
      title={about.title}
      text={about.text}
      setting={about.key}
      value={about.words(value)}
      source={isDefault(about, value) ? 'Default' : `Default: ${about.words(about.fallback)}`}
      action={
        can('security-settings:update') && (
          <Button variant="default" aria-label={`Change: ${about.title}`} onClick={() => onEdit(about.key)}>
            Change
          </Button>
        )
      }
    />
  );
}

interface DialogProps<Key extends SecurityKey> {
  value: Security[Key];
  onClose: () => void;
}

const SAVED = 'The setting is changed.';

function TimeoutDialog({ value, onClose }: DialogProps<'browserSessionTimeout'>) {
  const form = useForm<{ limited: boolean; idleTimeout: number | string }>({
    initialValues: { limited: value.idleTimeout !== null, idleTimeout: value.idleTimeout ?? 60 },
    validate: {
      idleTimeout: (given, { limited }) =>
        limited && (typeof given !== 'number' || given < 1) ? 'At least one minute.' : null,
    },
  });
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={TIMEOUT.title}
      form={form}
      request={({ limited, idleTimeout }) =>
        put(TIMEOUT.key, { idleTimeout: limited ? Number(idleTimeout) : null })
      }
      touches={TOUCHES}
      done={SAVED}
      submit="Save"
    >
      <Checkbox
        label="Sign out browsers that nobody uses"
        {...form.getInputProps('limited', { type: 'checkbox' })}
      />
      <NumberInput
        label="Minutes without use"
        description="It holds for browsers that are signed in now, too."
        min={1}
        disabled={!form.values.limited}
        allowDecimal={false}
        data-autofocus
        {...form.getInputProps('idleTimeout')}
      />
    </FormDialog>
  );
}

function RedirectDialog({ value, onClose }: DialogProps<'autoRedirectSSO'>) {
  const form = useForm({
    initialValues: { enabled: value.enabled ?? false, idpAlias: value.idpAlias ?? '' },
    validate: {
      idpAlias: (alias, { enabled }) => (enabled && !alias.trim() ? 'Name the identity provider.' : null),
    },
  });
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={REDIRECT.title}
      form={form}
      request={({ enabled, idpAlias }) => put(REDIRECT.key, { enabled, idpAlias: idpAlias.trim() || null })}
      touches={TOUCHES}
      done={SAVED}
      submit="Save"
    >
      <Switch
        label="Skip the sign-in page"
        data-autofocus
        {...form.getInputProps('enabled', { type: 'checkbox' })}
      />
      <TextInput
        label="Alias of the identity provider"
        placeholder="oidc"
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps('idpAlias')}
      />
    </FormDialog>
  );
}

function LogoutDialog({ value, onClose }: DialogProps<'logoutRedirectUri'>) {
  const form = useForm({ mode: 'uncontrolled', initialValues: { uri: value.uri ?? '' } });
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={LOGOUT.title}
      form={form}
      request={({ uri }) => put(LOGOUT.key, { uri: uri.trim() || null })}
      touches={TOUCHES}
      done={SAVED}
      submit="Save"
    >
      <TextInput
        label="Address"
        placeholder="https://example.com/goodbye"
        description="Empty: browsers stay on the sign-in page."
        type="url"
        data-autofocus
        autoComplete="off"
        key={form.key('uri')}
        {...form.getInputProps('uri')}
      />
    </FormDialog>
  );
}
