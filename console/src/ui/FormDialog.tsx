/**
 * A form in a dialog or a drawer: sends, shows the field that is wrong, closes when done.
 *
 * The server's refusal of a field is shown at the field, any other above the form; what was typed stays.
 */
import { Button, Drawer, Group, Modal, Stack } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import type { ReactNode } from 'react';
import { fieldOf, type ApiError } from '@/api/errors';
import { useAction } from '@/api/query';
import type { ApiRequest } from '@/api/request';
import { CurlButton } from '@/ui/CurlButton';
import { FormError } from '@/ui/FormError';
import classes from './FormDialog.module.css';

interface Props<Values extends object, Reply> {
  opened: boolean;
  onClose: () => void;
  title: string;
  form: UseFormReturnType<Values>;
  request: (values: Values) => ApiRequest<Reply>;
  touches: readonly string[];
  /** Notification; none where `onDone` shows the outcome. */
  done?: string;
  /** Called instead of closing, where there is more to show. */
  onDone?: (reply: Reply, values: Values) => void;
  submit: string;
  children: ReactNode;
  /** A drawer has room for long forms. */
  drawer?: boolean;
  /** Names of the server's fields whose form field is called otherwise. */
  aliases?: Readonly<Record<string, string>>;
}

export function FormDialog<Values extends object, Reply>(props: Props<Values, Reply>) {
  const { opened, onClose, title } = props;
  return props.drawer ? (
    <Drawer opened={opened} onClose={onClose} title={title} size={480}>
      <FormBody {...props} />
    </Drawer>
  ) : (
    <Modal opened={opened} onClose={onClose} title={title} size={480}>
      <FormBody {...props} />
    </Modal>
  );
}

/** The form without the dialog around it, for dialogs of several steps. */
export function FormBody<Values extends object, Reply>(props: Props<Values, Reply>) {
  const { form, aliases = {} } = props;
  const fields = [...Object.keys(form.getValues()), ...Object.keys(aliases)];
  const onField = (error: ApiError) => fieldOf(error, fields);
  const run = useAction<Values, Reply>({
    request: props.request,
    touches: props.touches,
    ...(props.done === undefined ? {} : { done: props.done }),
    onDone: (reply, values) => (props.onDone ? props.onDone(reply, values) : props.onClose()),
    quiet: true,
  });
  const submit = form.onSubmit(
    (values) =>
      run.mutate(values, {
        onError: (error) => {
          const wrong = onField(error);
          if (!wrong) return;
          const name = aliases[wrong.field] ?? wrong.field;
          form.setFieldError(name, wrong.message);
          form.getInputNode(name)?.focus();
        },
      }),
    (errors) => form.getInputNode(Object.keys(errors)[0] ?? '')?.focus(),
  );
  return (
    <form onSubmit={submit} noValidate className={classes.form}>
      <Stack gap="md">
        <FormError error={run.error && !onField(run.error) ? run.error : null} />
        {props.children}
      </Stack>
      <Group justify="flex-end" gap="xs" className={classes.foot}>
        <CurlButton request={() => props.request(form.getValues())} />
        <Button variant="default" onClick={props.onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={run.isPending}>
          {props.submit}
        </Button>
      </Group>
    </form>
  );
}
