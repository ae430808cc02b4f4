/** Name and expiry of a new machine credential; what is made of it is the caller's business. */
import { TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import type { ApiRequest } from '@/api/request';
import { ExpiryField } from '@/ui/ExpiryField';
import { FormBody } from '@/ui/FormDialog';

interface Props<Made> {
  placeholder: string;
  /** What a good name says. */
  description: string;
  request: (body: { name: string; expiresAt?: string }) => ApiRequest<Made>;
  touches: readonly string[];
  onMade: (made: Made) => void;
  onClose: () => void;
}

/** The server's own rule; it has the last word. */
const NAME = /^[a-z][-_a-z0-9]*[a-z0-9]$/;

export function CredentialForm<Made>(props: Props<Made>) {
  const form = useForm<{ name: string; expiresAt: string | null }>({
    initialValues: { name: '', expiresAt: null },
    validate: {
      name: (value) =>
        NAME.test(value) ? null : 'Lower-case letters, digits, - and _; begins with a letter.',
    },
  });
  return (
    <FormBody
      opened
      title=""
      form={form}
      onClose={props.onClose}
      request={({ name, expiresAt }) => props.request(expiresAt ? { name, expiresAt } : { name })}
      touches={props.touches}
      onDone={props.onMade}
      submit="Create"
    >
      <TextInput
        label="Name"
        placeholder={props.placeholder}
        description={props.description}
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps('name')}
      />
      <ExpiryField
        value={form.values.expiresAt}
        onChange={(at) => form.setFieldValue('expiresAt', at)}
        error={form.errors.expiresAt as string | undefined}
      />
    </FormBody>
  );
}
