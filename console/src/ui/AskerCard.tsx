/** Who wants to sign in as the person, what it would be able to do, and facts to recognize it by. */
import { Text } from '@mantine/core';
import { IconTerminal2 } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './AskerCard.module.css';

interface Props {
  name: string;
  clientId: string;
  /** What it is confined to; empty: all that the person may do. */
  scopes: readonly string[];
  facts: readonly (readonly [label: string, value: ReactNode])[];
}

export function AskerCard({ name, clientId, scopes, facts }: Props) {
  return (
    <div className={classes.card}>
      <div className={classes.who}>
        <span className={classes.icon}>
          <IconTerminal2 size={20} aria-hidden />
        </span>
        <div>
          <Text fw={600}>{name}</Text>
          <Text size="xs" c="dimmed">
            {clientId}
          </Text>
        </div>
      </div>
      <dl className={classes.facts}>
        <div>
          <dt>Access</dt>
          <dd>
            {scopes.length === 0 ? (
              'Everything you may do'
            ) : (
              <ul className={classes.scopes}>
                {scopes.map((it) => (
                  <li key={it}>
                    <code>{it}</code>
                  </li>
                ))}
              </ul>
            )}
          </dd>
        </div>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
