/**
 * Description, scheduling rules and placement of a unit.
 *
 * The API replaces a unit as a whole, quotas too. What the form does not show is taken from the newest reading,
 * and If-Match makes the server refuse where that has become old: nobody's quotas are undone by an edit.
 */
import { Modal, Skeleton, Switch, Textarea } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { withHeader } from '@/api/request';
import { exchange } from '@/api/send';
import { TraitFields } from '@/pages/org-units/TraitFields';
import { ALIASES, traitProblems, traitsBody, traitsOf, type Traits } from '@/pages/org-units/traits';
import { kindOf, readUnit, TOUCHES, unchanged, updateUnit, type Unit } from '@/pages/org-units/units';
import { useDepartment } from '@/pages/org-units/useRoom';
import { ErrorState } from '@/ui/ErrorState';
import { FormBody } from '@/ui/FormDialog';
import { Note } from '@/ui/Note';

interface Props {
  unit: Unit;
  onClose: () => void;
}

/** Milliseconds: agents report all the time, and each report makes the state that was read an old one. */
const READ_AGAIN = 5_000;

interface Latest {
  unit: Unit;
  tag: string | null;
}

/** The unit as it is now, with the tag of that state. */
export function useLatest({ id, ...unit }: Unit) {
  const sent = readUnit(kindOf({ id, ...unit }), id);
  return useQuery({
    queryKey: [sent.template, sent.url, 'latest'],
    queryFn: async ({ signal }): Promise<Latest> => {
      const { data, headers } = await exchange(sent, signal);
      return { unit: data, tag: headers.get('ETag') };
    },
    staleTime: 0,
    gcTime: 0,
    refetchInterval: READ_AGAIN,
  });
}

/** Replaces what was read last, if it still is the newest. */
export function replacing({ unit, tag }: Latest, change: Partial<ReturnType<typeof unchanged>>) {
  const sent = updateUnit(kindOf(unit), unit.id, { ...unchanged(unit), ...change });
  return tag === null ? sent : withHeader(sent, 'If-Match', tag);
}

export function EditDialog({ unit, onClose }: Props) {
  const latest = useLatest(unit);
  const above = useDepartment('parentId' in unit ? unit.parentId : undefined);
  return (
    <Modal opened onClose={onClose} title={`Edit ${kindOf(unit)} ${unit.name}`} size={720}>
      {latest.error && !latest.data ? (
        <ErrorState error={latest.error} onRetry={() => void latest.refetch()} compact />
      ) : latest.data && !above.isLoading ? (
        <EditForm latest={latest.data} above={above.data} onClose={onClose} />
      ) : (
        <Skeleton height={420} />
      )}
    </Modal>
  );
}

interface EditValues extends Traits {
  enforce: boolean;
}

function EditForm({
  latest,
  above,
  onClose,
}: {
  latest: Latest;
  above: Unit | undefined;
  onClose: () => void;
}) {
  const { unit } = latest;
  const [first] = useState(unit);
  const rules = above?.schedulingRules ?? null;
  const form = useForm<EditValues>({
    initialValues: {
      ...traitsOf(first),
      enforce: 'enforceRunaiScheduler' in first ? first.enforceRunaiScheduler : true,
    },
    validate: (values) => traitProblems(values, rules),
  });
  const overtaken = JSON.stringify(traitsOf(first)) !== JSON.stringify(traitsOf(unit));
  return (
    <FormBody
      opened
      title=""
      form={form}
      onClose={onClose}
      request={({ enforce, ...traits }) =>
        replacing(latest, {
          ...traitsBody(traits, unit),
          ...('parentId' in unit ? { enforceRunaiScheduler: enforce } : {}),
        })
      }
      touches={TOUCHES}
      done={`${unit.name} is changed.`}
      submit="Save"
      aliases={ALIASES}
    >
      {overtaken && (
        <Note tone="warn" title="Somebody else has changed this meanwhile">
          Saving replaces what they wrote. Close the dialog and open it again to see it.
        </Note>
      )}
      <Textarea label="Description" autosize minRows={1} maxRows={6} {...form.getInputProps('description')} />
      <TraitFields
        values={form.values}
        inputProps={(name) => form.getInputProps(name)}
        setValue={(name, value) => form.setFieldValue(name, value)}
        above={above}
        pools={unit.resources.map((it) => it.nodePool)}
      >
        {'parentId' in unit && (
          <Switch
            label="Only this scheduler may place workloads of the project"
            {...form.getInputProps('enforce', { type: 'checkbox' })}
          />
        )}
      </TraitFields>
    </FormBody>
  );
}
