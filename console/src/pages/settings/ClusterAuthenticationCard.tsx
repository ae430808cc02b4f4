/** How an API server of Kubernetes is told to take the tokens of this server. */
import { SegmentedControl, Skeleton, Stack } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { Card } from '@/pages/settings/Card';
import { CodeSnippet } from '@/ui/CodeSnippet';
import { ErrorState } from '@/ui/ErrorState';
import { Note } from '@/ui/Note';
import classes from './settings.module.css';

type Claim = 'email' | 'sub';
type Version = 'v1' | 'v1beta1';

const CLAIMS = [
  { value: 'email', label: 'E-mail' },
  { value: 'sub', label: 'ID' },
];
const HINTS: Readonly<Record<Claim, string>> = {
  email:
    'Role bindings name people by their e-mail. Service accounts have none, so the cluster refuses them.',
  sub: 'Role bindings name people and service accounts by their id.',
};

function setup(usernameClaim: Claim, apiVersion: Version) {
  return queryOf(
    request('get', '/api/v1/cluster-authentication', { params: { query: { usernameClaim, apiVersion } } }),
  );
}

export function ClusterAuthenticationCard() {
  const [claim, setClaim] = useState<Claim>('email');
  const current = useQuery({ ...setup(claim, 'v1'), placeholderData: keepPreviousData });
  const older = useQuery({ ...setup(claim, 'v1beta1'), placeholderData: keepPreviousData });
  return (
    <Card
      title="Cluster authentication"
      text="With these flags, or this file, the API server of a cluster takes the tokens of this server: people use kubectl with the login they have."
    >
      <div className={classes.choice}>
        <p className={classes.text}>{HINTS[claim]}</p>
        <SegmentedControl
          size="xs"
          aria-label="Who somebody is in the cluster"
          data={CLAIMS}
          value={claim}
          onChange={(next) => setClaim(next === 'sub' ? 'sub' : 'email')}
        />
      </div>
      {current.isPending && <Skeleton height={180} />}
      {current.error && <ErrorState error={current.error} onRetry={() => void current.refetch()} compact />}
      {current.data && (
        <Stack gap="sm">
          {current.data.warnings.map((it) => (
            <Note key={it} tone="warn">
              {it}
            </Note>
          ))}
          <CodeSnippet
            snippets={[
              { label: 'Flags', code: current.data.flags.join('\n') },
              { label: 'File', code: current.data.configuration },
              ...(older.data
                ? [{ label: 'File, before Kubernetes 1.34', code: older.data.configuration }]
                : []),
            ]}
          />
          <p className={classes.text}>
            Flags are for kube-apiserver. The file is for its flag --authentication-config, since Kubernetes
            1.30; the two do not go together.
          </p>
        </Stack>
      )}
    </Card>
  );
}
