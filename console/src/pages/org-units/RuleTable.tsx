/** The scheduling rules that count, and whose word each one is. */
import { Text } from '@mantine/core';
import { durationWords, RULES, sourceOf, type Rules } from '@/pages/org-units/rules';
import { StatusBadge } from '@/ui/StatusBadge';
import classes from './RuleTable.module.css';

interface Props {
  own: Rules | null;
  /** What counts; the same as `own` where nothing is inherited. */
  counts: Rules;
  department?: string;
}

export function RuleTable({ own, counts, department }: Props) {
  const shown = RULES.filter(({ name }) => counts[name]);
  if (shown.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No limits: workloads run, and idle, as long as they like.
      </Text>
    );
  }
  return (
    <>
      <dl className={classes.rules}>
        {shown.map(({ name, title, text }) => {
          const inherited = department !== undefined && sourceOf(name, own, counts) === 'inherited';
          return (
            <div key={name}>
              <dt title={text}>{title}</dt>
              <dd>
                {durationWords(counts[name] ?? 0)}
                {inherited && (
                  <StatusBadge
                    tone="calm"
                    hint={`${department} says so. A project may set a shorter limit, not a longer one.`}
                  >
                    Inherited
                  </StatusBadge>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
      <Text size="xs" c="dimmed" mt={6}>
        {department === undefined
          ? 'All projects of the department inherit these; they may be stricter, never looser.'
          : `A project may be stricter than ${department}, never looser.`}{' '}
        Rules count for workloads that start from now on.
      </Text>
    </>
  );
}
