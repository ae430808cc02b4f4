import { TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { request } from '@/api/request';
import { RemoteSelect } from '@/ui/RemoteSelect';

interface Props {
  clusterId: string;
  value: string;
  onChange: (id: string) => void;
  label?: string;
  description?: string;
  error?: ReactNode;
  /** A department that is no choice: the one a project is in already. */
  without?: string;
}

const LISTED = 25;

/** A department of one cluster, found by name. */
export function DepartmentSelect(props: Props) {
  const { clusterId, value, onChange, label = 'Department', description, error, without } = props;
  // Before that there is nothing to search.
  if (clusterId === '')
    return (
      <TextInput label={label} description={description} placeholder="Choose a cluster first" disabled />
    );
  return (
    <RemoteSelect
      label={label}
      description={description}
      placeholder="Search departments"
      clearable
      error={error}
      value={value || null}
      onChange={(id) => onChange(id ?? '')}
      request={(search) =>
        request('get', '/api/v1/org-unit/departments', {
          params: {
            query: {
              verbosity: 'meta',
              limit: LISTED,
              sortBy: 'name',
              filterBy: [`clusterId==${clusterId}`, ...(search ? [`name=@${search}`] : [])],
            },
          },
        })
      }
      options={({ departments }) =>
        departments
          .filter((it) => it.id !== without && it.clusterId === clusterId)
          .map((it) => ({ value: it.id, label: it.name, hint: it.description }))
      }
    />
  );
}
