/** Whom something is for: a person, a service account, or a group of the identity provider. */
import { Input, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { request } from '@/api/request';
import { RemoteSelect, type Option } from '@/ui/RemoteSelect';

export type SubjectType = 'user' | 'service-account' | 'group';

export interface Subject {
  subjectType: SubjectType;
  /** As the API names the subject: e-mail address, client id, or the group's name. */
  subjectId: string;
  /** For people; not sent. */
  name: string;
}

interface Props {
  label?: string;
  value: Subject;
  onChange: (subject: Subject) => void;
  error?: string | undefined;
}

const TYPES = [
  { value: 'user', label: 'User' },
  { value: 'service-account', label: 'Service account' },
  { value: 'group', label: 'Group' },
];
const ADDRESS = /^[^\s@]+@[^\s@]+$/;

export function SubjectPicker({ label = 'Subject', value, onChange, error }: Props) {
  return (
    <Input.Wrapper label={label} labelElement="div">
      <Stack gap={8} mt={4}>
        <SegmentedControl
          size="xs"
          fullWidth
          aria-label={label}
          value={value.subjectType}
          onChange={(next) => onChange({ subjectType: next as SubjectType, subjectId: '', name: '' })}
          data={TYPES}
        />
        <Who key={value.subjectType} value={value} onChange={onChange} error={error} />
      </Stack>
    </Input.Wrapper>
  );
}

function Who({ value, onChange, error }: Omit<Props, 'label'>) {
  const { subjectType } = value;
  const choose = (id: string | null, option: Option | undefined) =>
    onChange({ subjectType, subjectId: id ?? '', name: option?.label ?? '' });
  const shared = { value: value.subjectId || null, chosenLabel: value.name, onChange: choose, error };
  if (subjectType === 'group') {
    return (
      <TextInput
        aria-label="Group"
        placeholder="Name of the group, as the identity provider sends it"
        value={value.subjectId}
        error={error}
        onChange={({ currentTarget }) =>
          onChange({ subjectType, subjectId: currentTarget.value, name: currentTarget.value })
        }
      />
    );
  }
  if (subjectType === 'service-account') {
    return (
      <RemoteSelect
        {...shared}
        aria-label="Service account"
        placeholder="Search service accounts"
        request={() => request('get', '/api/v1/service-accounts')}
        options={(accounts, search) =>
          accounts
            .filter((it) => it.name.toLowerCase().includes(search) || it.clientId.includes(search))
            .slice(0, 50)
            .map((it) => ({ value: it.clientId, label: it.name, hint: it.clientId }))
        }
      />
    );
  }
  return (
    <RemoteSelect
      {...shared}
      aria-label="User"
      placeholder="Search by e-mail, or enter a new address"
      request={(search) =>
        request('get', '/api/v1/users', { params: { query: { search, limit: 25, sortBy: 'username' } } })
      }
      options={(users, search) =>
        withNew(
          users.map((it) => ({ value: it.username, label: it.username })),
          search,
        )
      }
    />
  );
}

/** With single sign-on, rules are made for people who have never been here. */
function withNew(known: Option[], search: string): Option[] {
  if (!ADDRESS.test(search) || known.some((it) => it.value.toLowerCase() === search)) return known;
  return [
    ...known,
    { value: search, label: search, hint: 'Not known yet; takes effect at the first sign-in' },
  ];
}
