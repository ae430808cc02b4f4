/** The scopes from the tenant down, and what the subject's rules in each of them came to. */
import { Anchor } from '@mantine/core';
import {
  IconBuilding,
  IconCheck,
  IconFolders,
  IconServerCog,
  IconTopologyStar3,
  IconWorld,
  IconX,
} from '@tabler/icons-react';
import { Link } from 'react-router';
import type { Examined, ExaminedRule, ExaminedScope, ScopeKind } from '@/pages/why/path';
import { useScopeName } from '@/pages/why/useScopeName';
import { useCan } from '@/session/hooks';
import classes from './Examined.module.css';

const ICONS = {
  system: IconServerCog,
  tenant: IconWorld,
  cluster: IconTopologyStar3,
  department: IconBuilding,
  project: IconFolders,
} as const;

const TITLES: Readonly<Record<ScopeKind, string>> = {
  system: 'System',
  tenant: 'Tenant',
  cluster: 'Cluster',
  department: 'Department',
  project: 'Project',
};

interface Props {
  examined: Examined;
  permission: string;
  /** False where the caller may not see the subject's rules: then nothing is said of those that did not grant. */
  rulesKnown: boolean;
}

export function ExaminedPath({ examined: { scopes, elsewhere }, permission, rulesKnown }: Props) {
  return (
    <>
      <ol className={classes.path}>
        {scopes.map((scope) => (
          <Step key={`${scope.kind} ${scope.id}`} scope={scope} permission={permission} known={rulesKnown} />
        ))}
      </ol>
      {elsewhere.length > 0 && (
        <p className={classes.elsewhere}>
          Not on this path, so not counted:{' '}
          {elsewhere.map((it) => `${it.roleName} in ${it.scopeType} ${it.scopeName}`).join(', ')}.
        </p>
      )}
    </>
  );
}

function Step({ scope, permission, known }: { scope: ExaminedScope; permission: string; known: boolean }) {
  const Icon = ICONS[scope.kind];
  const granted = scope.rules.some((it) => it.grants);
  return (
    <li className={classes.step} data-granted={granted || undefined}>
      <span className={classes.icon}>
        <Icon size={16} stroke={1.7} aria-hidden="true" />
      </span>
      <div className={classes.words}>
        <p className={classes.name}>
          <span className={classes.kind}>{TITLES[scope.kind]}</span> <ScopeName {...scope} />
        </p>
        {scope.rules.length === 0 ? (
          known && <p className={classes.none}>No access rule here.</p>
        ) : (
          <ul className={classes.rules}>
            {scope.rules.map((it) => (
              <RuleLine key={it.id} rule={it} permission={permission} />
            ))}
          </ul>
        )}
      </div>
    </li>
  );
}

function RuleLine({ rule, permission }: { rule: ExaminedRule; permission: string }) {
  const can = useCan();
  const Icon = rule.grants ? IconCheck : IconX;
  return (
    <li className={classes.rule} data-grants={rule.grants || undefined}>
      <Icon size={14} stroke={2.2} aria-hidden="true" />
      <span>
        <b>{rule.roleName}</b>
        {rule.group && ` as a member of ${rule.group}`}{' '}
        {rule.grants ? `grants ${permission}` : `does not include ${permission}`}{' '}
        {can('access_rules:read') && (
          <Anchor component={Link} to={`/access-rules?open=${rule.id}`} inherit underline="always">
            Rule {rule.id}
          </Anchor>
        )}
      </span>
    </li>
  );
}

/** The name, leading to the scope's page; its id where the caller may not see it. */
function ScopeName({ kind, id }: Pick<ExaminedScope, 'kind' | 'id'>) {
  const name = useScopeName(kind, id);
  if (kind === 'system' || kind === 'tenant') return <b>{id}</b>;
  if (name === undefined) return <code>{id}</code>;
  return (
    <Anchor component={Link} to={`/${kind}s?open=${encodeURIComponent(id)}`} inherit fw={550}>
      {name}
    </Anchor>
  );
}
