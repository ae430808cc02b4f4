/** A custom role, new or changed: what it is called and what it permits. */
import { Drawer, Select, Skeleton, Switch, TextInput, Textarea } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { TOUCHES, type Role } from '@/pages/roles/columns';
import { LevelPicker } from '@/pages/roles/LevelPicker';
import { entitiesOf, grantedBy, levelsOf, setsOf, type EntityGroup, type Levels } from '@/pages/roles/sets';
import { useRoles } from '@/pages/roles/useRoles';
import { Disclosure } from '@/ui/Disclosure';
import { ErrorState } from '@/ui/ErrorState';
import { FormBody } from '@/ui/FormDialog';
import { PermissionMatrix } from '@/ui/PermissionMatrix';

interface Props {
  /** The role to change; none for a new one. */
  role?: Role | undefined;
  onClose: () => void;
}

interface Values {
  name: string;
  description: string;
  enabled: boolean;
  permissionSets: Levels;
  /** Empty for none. */
  kubernetesPermissions: string;
}

export function RoleForm({ role, onClose }: Props) {
  const sets = useQuery(queryOf(request('get', '/api/v1/authorization/permission-sets')));
  return (
    <Drawer
      opened
      onClose={onClose}
      title={role ? `Edit the role ${role.name}` : 'New custom role'}
      size={560}
    >
      {sets.isPending ? (
        <Skeleton height={320} />
      ) : sets.error ? (
        <ErrorState error={sets.error} onRetry={() => void sets.refetch()} compact />
      ) : (
        <Fields role={role} onClose={onClose} groups={entitiesOf(sets.data)} />
      )}
    </Drawer>
  );
}

function Fields({ role, onClose, groups }: Props & { groups: readonly EntityGroup[] }) {
  const form = useForm<Values>({
    initialValues: {
      name: role?.name ?? '',
      description: role?.description ?? '',
      enabled: role?.enabled ?? true,
      permissionSets: levelsOf(role?.permissionSets.map((it) => it.name) ?? []),
      kubernetesPermissions: role?.kubernetesPermissions.predefinedRole ?? '',
    },
    validate: {
      name: (value) => (value.trim() ? null : 'Give the role a name.'),
      permissionSets: (value) =>
        setsOf(value, groups).length > 0 ? null : 'Allow at least one thing; the role would do nothing.',
    },
  });
  const chosen = setsOf(form.values.permissionSets, groups);
  return (
    <FormBody
      opened
      title=""
      form={form}
      onClose={onClose}
      request={(values) => call(role, values, groups)}
      touches={TOUCHES}
      done={role ? 'The role is changed.' : 'The role is created.'}
      submit={role ? 'Save role' : 'Create role'}
    >
      <TextInput label="Name" data-autofocus autoComplete="off" {...form.getInputProps('name')} />
      <Textarea label="Description" autosize minRows={2} {...form.getInputProps('description')} />
      <LevelPicker
        groups={groups}
        value={form.values.permissionSets}
        onChange={(levels) => form.setFieldValue('permissionSets', levels)}
        error={form.errors.permissionSets as string | undefined}
      />
      <div>
        <Disclosure label="Show what this grants">
          {() => (
            <PermissionMatrix
              label="What this grants"
              held={grantedBy(chosen)}
              nothing="Nothing yet: choose permissions above."
            />
          )}
        </Disclosure>
      </div>
      <ClusterRights
        value={form.values.kubernetesPermissions}
        onChange={(name) => form.setFieldValue('kubernetesPermissions', name)}
        error={form.errors.kubernetesPermissions as string | undefined}
      />
      <Switch
        label="Enabled"
        description="A disabled role grants nothing to anybody, and cannot be given to more people."
        {...form.getInputProps('enabled', { type: 'checkbox' })}
      />
    </FormBody>
  );
}

/** Which predefined role's rights the holder has inside the clusters, in Kubernetes itself. */
function ClusterRights({
  value,
  onChange,
  error,
}: {
  value: string;
  onChange: (name: string) => void;
  error: string | undefined;
}) {
  const roles = useRoles();
  const rights = (roles.data ?? [])
    .filter((it) => !it.custom && it.kubernetesPermissions.predefinedRole)
    .map((it) => ({ value: it.kubernetesPermissions.predefinedRole ?? '', label: `Those of ${it.name}` }));
  return (
    <Select
      label="Rights inside clusters"
      description="What the role may do with kubectl, where clusters trust this server."
      data={[{ value: '', label: 'None' }, ...rights]}
      value={value}
      onChange={(next) => onChange(next ?? '')}
      error={error}
    />
  );
}

function call(role: Role | undefined, values: Values, groups: readonly EntityGroup[]) {
  const body = {
    name: values.name.trim(),
    description: values.description,
    enabled: values.enabled,
    permissionSets: setsOf(values.permissionSets, groups).map(({ id, name }) => ({ id, name })),
    kubernetesPermissions: { predefinedRole: values.kubernetesPermissions || null },
  };
  return role
    ? request('put', '/api/v2/authorization/roles/{roleIdPath}', {
        params: { path: { roleIdPath: String(role.id) } },
        body,
      })
    : request('post', '/api/v2/authorization/roles', { body });
}
