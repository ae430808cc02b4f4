/** Quotas in two steps: fill in the table, see what it would do and to whom, save. */
import { Button, Group, Modal, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconArrowLeft } from '@tabler/icons-react';
import { useState } from 'react';
import { useAction } from '@/api/query';
import { useRoom } from '@/pages/org-units/useRoom';
import { changesOf, draftOf, formProblems, type QuotaDraft } from '@/pages/org-units/quotas';
import { QuotaFields } from '@/pages/org-units/QuotaFields';
import {
  kindOf,
  patchResources,
  TOUCHES,
  type ResourcesIn,
  type Unit,
  type WhatIf,
} from '@/pages/org-units/units';
import { WhatIfReport } from '@/pages/org-units/WhatIfReport';
import { CurlButton } from '@/ui/CurlButton';
import { FormError } from '@/ui/FormError';
import { Note } from '@/ui/Note';

interface Props {
  unit: Unit;
  onClose: () => void;
}

export function QuotaDialog({ unit, onClose }: Props) {
  const [report, setReport] = useState<WhatIf>();
  const [nothing, setNothing] = useState(false);
  const kind = kindOf(unit);
  const [before] = useState(() => unit.resources.map(draftOf));
  const room = useRoom('parentId' in unit ? unit.parentId : undefined, unit.resources);
  const form = useForm<{ quotas: QuotaDraft[] }>({
    initialValues: { quotas: before },
    validate: ({ quotas }) => formProblems(quotas),
    // While it is being typed a number is not wrong yet.
    validateInputOnBlur: false,
  });
  const call = (validateOnly: boolean) => (body: ResourcesIn[]) =>
    patchResources(kind, unit.id, body, validateOnly);
  const ask = useAction({
    request: call(true),
    touches: [],
    quiet: true,
    onDone: (reply) => 'allowed' in reply && setReport(reply),
  });
  const save = useAction({
    request: call(false),
    touches: TOUCHES,
    done: `The quotas of ${unit.name} are changed.`,
    onDone: onClose,
    quiet: true,
  });
  const changes = () => changesOf(before, form.getValues().quotas);

  const review = form.onSubmit(
    () => {
      setNothing(changes().length === 0);
      if (changes().length > 0) ask.mutate(changes());
    },
    (errors) => form.getInputNode(Object.keys(errors)[0] ?? '')?.focus(),
  );

  return (
    <Modal opened onClose={onClose} title={`Quotas of ${unit.name}`} size={1160}>
      {report ? (
        // The focus follows to what is new, or it would be lost with the button that was pressed.
        <Stack gap="md" tabIndex={-1} style={{ outline: 'none' }} ref={(node) => node?.focus()}>
          <FormError error={save.error} />
          <WhatIfReport report={report} before={unit.resources} />
          <Group justify="flex-end" gap="xs">
            <CurlButton request={() => call(false)(changes())} />
            <Button
              variant="default"
              leftSection={<IconArrowLeft size={15} />}
              onClick={() => {
                setReport(undefined);
                save.reset();
              }}
            >
              Back
            </Button>
            <Button
              disabled={!report.allowed}
              loading={save.isPending}
              onClick={() => save.mutate(changes())}
            >
              Save quotas
            </Button>
          </Group>
        </Stack>
      ) : (
        <form onSubmit={review} noValidate>
          <Stack gap="md">
            <FormError error={ask.error} />
            {nothing && <Note>Nothing is changed yet.</Note>}
            <QuotaFields
              drafts={form.values.quotas}
              errors={form.errors}
              onChange={(index, part) => {
                setNothing(false);
                for (const [field, value] of Object.entries(part))
                  form.setFieldValue(`quotas.${index}.${field}`, value);
              }}
              {...(room ? { hint: room } : {})}
            />
            <Group justify="flex-end" gap="xs">
              <CurlButton request={() => call(true)(changes())} />
              <Button variant="default" onClick={onClose}>
                Cancel
              </Button>
              <Button type="submit" loading={ask.isPending}>
                Review changes
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
