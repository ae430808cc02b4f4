/** The questions before a unit is moved or deleted. */
import { Modal, Skeleton, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { DepartmentSelect } from '@/pages/org-units/DepartmentSelect';
import { replacing, useLatest } from '@/pages/org-units/EditDialog';
import { draftOf } from '@/pages/org-units/quotas';
import { deleteUnit, kindOf, TOUCHES, type Project, type Unit } from '@/pages/org-units/units';
import { useRoom } from '@/pages/org-units/useRoom';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { ErrorState } from '@/ui/ErrorState';
import { FormBody } from '@/ui/FormDialog';
import classes from './dialogs.module.css';

const RULES_PATH = '/api/v1/authorization/access-rules';

export function DeleteDialog({ unit, onClose }: { unit: Unit; onClose: () => void }) {
  const kind = kindOf(unit);
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Delete the ${kind} ${unit.name}?`}
      action={`Delete ${kind}`}
      request={deleteUnit(kind, unit.id)}
      touches={[...TOUCHES, RULES_PATH]}
      done={`The ${kind} ${unit.name} is deleted.`}
    >
      {kind === 'department' ? (
        <>
          <b>All its projects are deleted with it</b>, and the access rules of both. Their namespaces stay in
          the cluster. This cannot be undone.
        </>
      ) : (
        <>
          Its quotas and its access rules go, and its queue in the cluster. Its namespace
          {'parentId' in unit && unit.status.namespace ? ` ${unit.status.namespace}` : ''} stays. This cannot
          be undone.
        </>
      )}
    </ConfirmDialog>
  );
}

export function MoveDialog({ project, onClose }: { project: Project; onClose: () => void }) {
  const latest = useLatest(project);
  return (
    <Modal opened onClose={onClose} title={`Move ${project.name} to another department`}>
      {latest.data ? (
        <MoveForm latest={latest.data} project={project} onClose={onClose} />
      ) : latest.error ? (
        <ErrorState error={latest.error} onRetry={() => void latest.refetch()} compact />
      ) : (
        <Skeleton height={160} />
      )}
    </Modal>
  );
}

interface MoveProps {
  project: Project;
  latest: NonNullable<ReturnType<typeof useLatest>['data']>;
  onClose: () => void;
}

function MoveForm({ project, latest, onClose }: MoveProps) {
  const form = useForm({
    initialValues: { parentId: '' },
    validate: { parentId: (it) => (it ? null : 'Choose a department.') },
  });
  const { parentId } = form.values;
  const room = useRoom(parentId || undefined, []);
  const wanting = latest.unit.resources.filter((it) => it.gpu.deserved !== 0);
  return (
    <FormBody
      opened
      title=""
      form={form}
      onClose={onClose}
      request={({ parentId: target }) => replacing(latest, { parentId: target })}
      touches={[...TOUCHES, RULES_PATH]}
      done={`${project.name} is moved.`}
      submit="Move project"
    >
      <Text size="sm">
        It is in <b>{project.parent.name}</b> now. Access rules made for that department no longer hold in it,
        and those of the new one do, at once. Its own rules and its quotas stay; stricter scheduling rules of
        the new department count from then on.
      </Text>
      <DepartmentSelect
        label="New department"
        clusterId={project.clusterId}
        without={project.parentId}
        value={parentId}
        error={form.errors.parentId}
        onChange={(id) => form.setFieldValue('parentId', id)}
      />
      {room && wanting.length > 0 && (
        <ul className={classes.room} aria-label="Promised after the move">
          {wanting.map((it) => (
            <li key={it.nodePool.id}>
              <span>{it.nodePool.name}</span>
              {room(draftOf(it))}
            </li>
          ))}
        </ul>
      )}
    </FormBody>
  );
}
