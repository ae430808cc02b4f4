/** Parts of the drawer that departments and projects share. */
import { Button } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { needs, type Kind, type Resources, type Unit } from '@/pages/org-units/units';
import { useCan } from '@/session/hooks';
import { AccessRuleForm } from '@/ui/AccessRuleForm';
import { AccessRuleList } from '@/ui/AccessRuleList';
import { Disclosure } from '@/ui/Disclosure';
import { Section } from '@/ui/Section';

/** The dialogs that rows and drawers open. */
export type Dialog = 'edit' | 'quotas' | 'move' | 'delete';
export type Ask = (dialog: Dialog, unit: Unit) => void;

/** "Edit" beside a heading, for those who may. */
export function EditButton({ kind, label, onClick }: { kind: Kind; label: string; onClick: () => void }) {
  const can = useCan();
  if (!can(needs(kind, 'update'))) return null;
  return (
    <Button
      variant="subtle"
      px={6}
      leftSection={<IconPencil size={15} />}
      aria-label={label}
      onClick={onClick}
    >
      Edit
    </Button>
  );
}

/** Who got access to this unit itself, and the way to give it. */
export function AccessSection({ kind, unit }: { kind: Kind; unit: Unit }) {
  const can = useCan();
  if (!can('access_rules:read')) return null;
  const scope = { scopeType: kind, scopeId: unit.id, name: unit.name };
  return (
    <Section title="Access">
      <AccessRuleList scope={scope} />
      {can('access_rules:create') && (
        <Disclosure label="Add an access rule">
          {(close) => <AccessRuleForm scope={scope} onDone={close} />}
        </Disclosure>
      )}
    </Section>
  );
}

/** Node pools by name; programs write them by id or by name. */
export function poolNames(given: readonly string[] | null, resources: readonly Resources[]): string | null {
  if (!given || given.length === 0) return null;
  return given
    .map((it) => resources.find(({ nodePool }) => nodePool.id === it)?.nodePool.name ?? it)
    .join(', then ');
}
