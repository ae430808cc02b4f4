/** Which secrets open something now. Two of them is a renewal with overlap that is not over yet. */
import { Text } from '@mantine/core';
import type { components } from '@/api/schema';
import { ExpiryBadge } from '@/ui/ExpiryBadge';
import { StatusBadge } from '@/ui/StatusBadge';
import { TimeAgo } from '@/ui/TimeAgo';
import classes from './LiveSecrets.module.css';

export function LiveSecrets({ secrets }: { secrets: readonly components['schemas']['LiveSecret'][] }) {
  if (secrets.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No secret works any more. Renew it to get one.
      </Text>
    );
  }
  return (
    <ul className={classes.secrets}>
      {secrets.map((it) => (
        <li key={`${it.createdAt} ${it.hint}`}>
          <code>…{it.hint}</code>
          <span className={classes.used}>
            used <TimeAgo at={it.lastUsedAt} never="never" />
          </span>
          <span className={classes.ends}>
            {it.expiresAt ? (
              <ExpiryBadge at={it.expiresAt} verbose />
            ) : (
              <StatusBadge tone="calm">Current</StatusBadge>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
