/** The drawer of one role: what it is, and its permission matrix. */
import { Anchor, Skeleton, Text } from '@mantine/core';
import { Link } from 'react-router';
import { kindOf } from '@/pages/roles/columns';
import { useRoles } from '@/pages/roles/useRoles';
import { useCan } from '@/session/hooks';
import { ErrorState } from '@/ui/ErrorState';
import { Facts } from '@/ui/Facts';
import { Note } from '@/ui/Note';
import { PermissionMatrix } from '@/ui/PermissionMatrix';
import { union } from '@/ui/permissionTable';
import { Section } from '@/ui/Section';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './Details.module.css';

export function Details({ id }: { id: string }) {
  const can = useCan();
  const roles = useRoles();
  if (roles.isPending) return <Skeleton height={220} />;
  if (roles.error) return <ErrorState error={roles.error} onRetry={() => void roles.refetch()} compact />;
  const role = roles.data.find((it) => String(it.id) === id);
  if (!role) return <Note>This role does not exist any more.</Note>;
  // The predefined roles together hold every permission there is: the System administrator is one of them.
  const existing = union(roles.data.map((it) => it.permissions));
  // A role's rights in clusters are those of a predefined role, named by its id.
  const like = role.kubernetesPermissions.predefinedRole;
  const likeName = like && (roles.data.find((it) => String(it.id) === like)?.name ?? like);
  const rights = like === String(role.id) ? 'Its own' : likeName ? `Those of ${likeName}` : 'None';
  const rules = `/access-rules?filter=${encodeURIComponent(`roleId==${String(role.id)}`)}`;
  return (
    <>
      {!role.enabled && <Note tone="warn">This role is disabled: it grants nothing to anybody now.</Note>}
      <Section title="Details">
        {role.description && (
          <Text size="sm" mb={6}>
            {role.description}
          </Text>
        )}
        <Facts
          facts={[
            ['Kind', kindOf(role)],
            ['Role ID', String(role.id)],
            ['Rights in clusters', rights],
            ...(role.custom
              ? [
                  ['Created by', role.createdBy] as const,
                  ['Last updated', <TimeAgo key="updated" at={role.updatedAt} />] as const,
                ]
              : []),
          ]}
        />
        {can('access_rules:read') && (
          <Anchor component={Link} size="sm" to={rules}>
            Who has this role?
          </Anchor>
        )}
      </Section>
      {role.custom && (
        <Section title="Permission sets">
          <ul className={classes.sets}>
            {role.permissionSets.map((it) => (
              <li key={it.id}>{it.name}</li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Permissions">
        <PermissionMatrix
          label={`Permissions of ${role.name}`}
          held={role.permissions}
          existing={existing}
          sticky
          nothing="It grants nothing."
        />
      </Section>
    </>
  );
}
