/** Where something holds: the tenant, or one cluster, department or project, found by searching the server. */
import { Input, SegmentedControl, Stack } from '@mantine/core';
import { request } from '@/api/request';
import { useSession } from '@/session/hooks';
import { RemoteSelect, type Option } from '@/ui/RemoteSelect';

export type ScopeType = 'tenant' | 'cluster' | 'department' | 'project';

export interface Scope {
  scopeType: ScopeType;
  scopeId: string;
  /** For people; not sent. */
  name: string;
}

interface Props {
  label?: string;
  value: Scope;
  onChange: (scope: Scope) => void;
  error?: string | undefined;
}

const LABELS: Readonly<Record<ScopeType, string>> = {
  tenant: 'Tenant',
  cluster: 'Cluster',
  department: 'Department',
  project: 'Project',
};

/** How many matches are listed; typing narrows them. */
const LISTED = 25;

export function ScopePicker({ label = 'Scope', value, onChange, error }: Props) {
  const { tenant } = useSession();
  const choose = (scopeType: ScopeType) =>
    onChange(
      scopeType === 'tenant'
        ? { scopeType, scopeId: String(tenant.id), name: tenant.name }
        : { scopeType, scopeId: '', name: '' },
    );
  return (
    <Input.Wrapper label={label} description="What lies below the scope is included." labelElement="div">
      <Stack gap={8} mt={6}>
        <SegmentedControl
          size="xs"
          fullWidth
          aria-label={label}
          value={value.scopeType}
          onChange={(next) => choose(next as ScopeType)}
          data={Object.entries(LABELS).map(([it, text]) => ({ value: it, label: text }))}
        />
        {value.scopeType !== 'tenant' && (
          <Place key={value.scopeType} value={value} onChange={onChange} error={error} />
        )}
      </Stack>
    </Input.Wrapper>
  );
}

function Place({ value, onChange, error }: Omit<Props, 'label'>) {
  const { scopeType } = value;
  const shared = {
    'aria-label': LABELS[scopeType],
    placeholder: `Search ${LABELS[scopeType].toLowerCase()}s`,
    error,
    value: value.scopeId || null,
    chosenLabel: value.name,
    onChange: (id: string | null, option: Option | undefined) =>
      onChange({ scopeType, scopeId: id ?? '', name: option?.label ?? '' }),
  };
  if (scopeType === 'cluster') {
    return (
      <RemoteSelect
        {...shared}
        request={() => request('get', '/api/v1/clusters')}
        options={(clusters, search) =>
          clusters
            .filter((it) => it.name.toLowerCase().includes(search))
            .map((it) => ({ value: it.uuid, label: it.name }))
        }
      />
    );
  }
  if (scopeType === 'department') {
    return (
      <RemoteSelect
        {...shared}
        request={(search) =>
          request('get', '/api/v1/org-unit/departments', { params: { query: byName(search) } })
        }
        options={({ departments }) => departments.map((it) => ({ value: it.id, label: it.name }))}
      />
    );
  }
  return (
    <RemoteSelect
      {...shared}
      request={(search) => request('get', '/api/v1/org-unit/projects', { params: { query: byName(search) } })}
      options={({ projects }) =>
        projects.map((it) => ({
          value: it.id,
          label: it.name,
          hint: it.parent?.name ? `in ${it.parent.name}` : '',
        }))
      }
    />
  );
}

/** The first units by name that a text finds. */
function byName(search: string) {
  return { limit: LISTED, sortBy: 'name' as const, ...(search ? { filterBy: [`name=@${search}`] } : {}) };
}
