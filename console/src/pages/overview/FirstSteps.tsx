/** A new installation: what to do first, in order, instead of charts of nothing. */
import { Button, Text } from '@mantine/core';
import { IconTopologyStar3 } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { Need } from '@/session/permissions';
import { useCan } from '@/session/hooks';
import { EmptyState } from '@/ui/EmptyState';
import { Steps } from '@/ui/Steps';
import classes from './FirstSteps.module.css';

interface Step {
  title: string;
  text: string;
  to: string;
  button: string;
  needs: Need;
}

const STEPS: readonly Step[] = [
  {
    title: 'Connect a cluster',
    text: 'Name it and run the install command that you get. A simulated cluster does for a first look.',
    to: '/clusters',
    button: 'Go to clusters',
    needs: 'cluster:create',
  },
  {
    title: 'Divide it',
    text: 'Departments own GPU quota, and projects take theirs from a department. Each new cluster comes with one department.',
    to: '/departments',
    button: 'Go to departments',
    needs: 'department:create',
  },
  {
    title: 'Let people in',
    text: 'Make users, then say with access rules what each may do and where.',
    to: '/users',
    button: 'Go to users',
    needs: 'users:create',
  },
  {
    title: 'Let programs in',
    text: 'A service account has a client ID and a secret of its own; a ready curl command comes with it.',
    to: '/service-accounts',
    button: 'Go to service accounts',
    needs: 'service-account:create',
  },
];

export function FirstSteps() {
  const can = useCan();
  const steps = STEPS.filter((it) => can(it.needs));
  if (!can('cluster:create')) {
    return (
      <EmptyState
        icon={IconTopologyStar3}
        title="No cluster is connected yet"
        text="There is nothing to show before an administrator connects one."
      />
    );
  }
  return (
    <section className={classes.steps} aria-label="First steps">
      <Steps
        steps={steps.map(({ title, text, to, button }, index) => ({
          title,
          children: (
            <>
              <Text size="sm" c="dimmed" maw={560} mt={-6}>
                {text}
              </Text>
              <div>
                <Button component={Link} to={to} {...(index === 0 ? {} : { variant: 'default' })}>
                  {button}
                </Button>
              </div>
            </>
          ),
        }))}
      />
    </section>
  );
}
