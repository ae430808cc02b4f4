/**
 * A new access rule, without leaving where one is: what is known there is given, the rest is asked for. On the
 * page of a subject the role and the scope, on the page of a project the subject and the role.
 */
import { Button, Group, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { fieldOf } from '@/api/errors';
import { useAction } from '@/api/query';
import { request } from '@/api/request';
import { useSession } from '@/session/hooks';
import { CurlButton } from '@/ui/CurlButton';
import { FormError } from '@/ui/FormError';
import { RolePicker } from '@/ui/RolePicker';
import { ScopePicker, type Scope } from '@/ui/ScopePicker';
import { SubjectPicker, type Subject, type SubjectType } from '@/ui/SubjectPicker';

export interface RuleSubject {
  subjectType: SubjectType;
  subjectId: string;
}

interface Props {
  /** Who gets it; asked for where it is left out. */
  subject?: RuleSubject;
  /** Where it holds; asked for where it is left out. */
  scope?: Scope;
  onDone?: () => void;
}

export const RULES_PATH = '/api/v1/authorization/access-rules';

const NOBODY: Subject = { subjectType: 'user', subjectId: '', name: '' };

export function AccessRuleForm({ subject, scope: fixedScope, onDone }: Props) {
  const { tenant } = useSession();
  const [role, setRole] = useState<{ id: string; name: string }>();
  const [who, setWho] = useState(NOBODY);
  const [where, setWhere] = useState<Scope>({
    scopeType: 'tenant',
    scopeId: String(tenant.id),
    name: tenant.name,
  });
  const scope = fixedScope ?? where;
  const [missing, setMissing] = useState<{ subject?: string; role?: string; scope?: string }>({});
  const rule = () =>
    request('post', '/api/v1/authorization/access-rules', {
      body: {
        ...(subject ?? { subjectType: who.subjectType, subjectId: who.subjectId.trim() }),
        roleId: Number(role?.id ?? 0),
        scopeType: scope.scopeType,
        scopeId: scope.scopeId,
      },
    });
  const add = useAction({
    request: rule,
    touches: [RULES_PATH],
    done: () => `${role?.name ?? 'The role'} in ${scope.scopeType} ${scope.name}: in force now.`,
    onDone: () => {
      setRole(undefined);
      setWho(NOBODY);
      onDone?.();
    },
    quiet: true,
  });
  const wrong = add.error ? fieldOf(add.error, ['subjectId', 'roleId', 'scopeId']) : undefined;

  function submit() {
    const lacks = {
      ...(subject || who.subjectId.trim() ? {} : { subject: 'Say who gets access.' }),
      ...(role ? {} : { role: 'Choose a role.' }),
      ...(scope.scopeId ? {} : { scope: `Choose a ${scope.scopeType}.` }),
    };
    setMissing(lacks);
    if (Object.keys(lacks).length === 0) add.mutate();
  }

  return (
    <Stack gap="sm">
      <FormError error={add.error && !wrong ? add.error : null} />
      {!subject && (
        <SubjectPicker
          value={who}
          error={missing.subject ?? (wrong?.field === 'subjectId' ? wrong.message : undefined)}
          onChange={(next) => {
            setWho(next);
            setMissing({});
          }}
        />
      )}
      <RolePicker
        value={role?.id ?? null}
        error={missing.role ?? (wrong?.field === 'roleId' ? wrong.message : undefined)}
        onChange={(id, name) => {
          setRole(id === null ? undefined : { id, name: name ?? '' });
          setMissing({});
        }}
      />
      {!fixedScope && (
        <ScopePicker
          value={where}
          error={missing.scope ?? (wrong?.field === 'scopeId' ? wrong.message : undefined)}
          onChange={(next) => {
            setWhere(next);
            setMissing({});
          }}
        />
      )}
      <Group gap="xs">
        <CurlButton request={rule} />
        <Button
          variant="default"
          leftSection={<IconPlus size={15} />}
          loading={add.isPending}
          onClick={submit}
        >
          Add access rule
        </Button>
      </Group>
    </Stack>
  );
}
