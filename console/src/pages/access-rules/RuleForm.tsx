/** A new access rule: who gets which role, and where. */
import { useForm } from '@mantine/form';
import { request } from '@/api/request';
import { useSession } from '@/session/hooks';
import { RULES_PATH } from '@/ui/AccessRuleForm';
import { FormDialog } from '@/ui/FormDialog';
import { RolePicker } from '@/ui/RolePicker';
import { ScopePicker, type Scope } from '@/ui/ScopePicker';
import { SubjectPicker, type Subject } from '@/ui/SubjectPicker';

/** What the form holds; what `given` says is filled in from the start. */
export interface RuleValues {
  subjectId: Subject;
  /** As text; null before one is chosen. */
  roleId: string | null;
  scopeId: Scope;
}

const ASKS = {
  user: 'Choose a user.',
  'service-account': 'Choose a service account.',
  group: 'Enter the name of the group.',
} as const;

export function RuleForm({ onClose, given }: { onClose: () => void; given?: Partial<RuleValues> }) {
  const { tenant } = useSession();
  const form = useForm<RuleValues>({
    initialValues: {
      subjectId: { subjectType: 'user', subjectId: '', name: '' },
      roleId: null,
      scopeId: { scopeType: 'tenant', scopeId: String(tenant.id), name: tenant.name },
      ...given,
    },
    validate: {
      subjectId: (it) => (it.subjectId.trim() ? null : ASKS[it.subjectType]),
      roleId: (it) => (it ? null : 'Choose a role.'),
      scopeId: (it) => (it.scopeId ? null : `Choose a ${it.scopeType}.`),
    },
  });
  const { subjectId, roleId, scopeId } = form.values;
  return (
    <FormDialog
      opened
      onClose={onClose}
      title="New access rule"
      form={form}
      request={(values) =>
        request('post', '/api/v1/authorization/access-rules', {
          body: {
            subjectType: values.subjectId.subjectType,
            subjectId: values.subjectId.subjectId.trim(),
            roleId: Number(values.roleId ?? 0),
            scopeType: values.scopeId.scopeType,
            scopeId: values.scopeId.scopeId,
          },
        })
      }
      touches={[RULES_PATH]}
      done="The access rule is in force now."
      submit="Create access rule"
    >
      <SubjectPicker
        value={subjectId}
        onChange={(it) => form.setFieldValue('subjectId', it)}
        error={form.errors.subjectId as string | undefined}
      />
      <RolePicker
        value={roleId}
        onChange={(id) => form.setFieldValue('roleId', id)}
        error={form.errors.roleId}
      />
      <ScopePicker
        value={scopeId}
        onChange={(it) => form.setFieldValue('scopeId', it)}
        error={form.errors.scopeId as string | undefined}
      />
    </FormDialog>
  );
}
