/** A role, by name, with what it is for. The list comes whole: there are a few dozen at most. */
import { request } from '@/api/request';
import { RemoteSelect, type FieldProps } from '@/ui/RemoteSelect';

interface Props extends FieldProps {
  /** The id as text. */
  value: string | null;
  onChange: (roleId: string | null, name: string | undefined) => void;
}

export function RolePicker({ onChange, ...others }: Props) {
  return (
    <RemoteSelect
      label="Role"
      placeholder="Choose a role"
      {...others}
      onChange={(value, option) => onChange(value, option?.label)}
      request={() => request('get', '/api/v2/authorization/roles')}
      options={(roles, search) =>
        roles
          .filter((it) => it.enabled && it.name.toLowerCase().includes(search))
          .map((it) => ({ value: String(it.id), label: it.name, hint: it.description }))
      }
    />
  );
}
