/**
 * Scheduling rules: their names, durations as people write them, and what a project inherits. Pure.
 *
 * The tighter of department and project counts. A project that says nothing has its department's rule; a longer
 * limit than that is refused, here before the server does it.
 */
import type { components } from '@/api/schema';

export type Rules = components['schemas']['SchedulingRules'];
export type RuleName = keyof Rules;

export interface Rule {
  name: RuleName;
  title: string;
  /** What happens when it is reached. */
  text: string;
  /** The rule that it has to stay below. */
  below?: RuleName;
}

export const RULES: readonly Rule[] = [
  {
    name: 'interactiveJobTimeLimitSeconds',
    title: 'Workspace time limit',
    text: 'Workspaces stop after running this long.',
  },
  {
    name: 'interactiveJobMaxIdleDurationSeconds',
    title: 'Workspace idle limit',
    text: 'Workspaces stop when their GPUs were idle this long.',
    below: 'interactiveJobTimeLimitSeconds',
  },
  {
    name: 'interactiveJobPreemptIdleDurationSeconds',
    title: 'Preemptible workspace idle limit',
    text: 'The same for workspaces that others may push aside.',
  },
  {
    name: 'trainingJobTimeLimitSeconds',
    title: 'Training time limit',
    text: 'Training stops after running this long.',
  },
  {
    name: 'trainingJobMaxIdleDurationSeconds',
    title: 'Training idle limit',
    text: 'Training stops when its GPUs were idle this long.',
    below: 'trainingJobTimeLimitSeconds',
  },
];

const SECONDS: readonly (readonly [unit: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
];
const LONGEST = 2 ** 31 - 1;

/** Such as "1d 12h"; exact. */
export function durationWords(seconds: number): string {
  let left = seconds;
  const parts: string[] = [];
  for (const [unit, size] of SECONDS) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count}${unit}`);
    left -= count * size;
  }
  return parts.join(' ') || '0s';
}

/** The seconds that `written` says; null for nothing written, undefined for nonsense. */
export function durationOf(written: string): number | null | undefined {
  const said = written.trim().toLowerCase();
  if (said === '') return null;
  const parts = [...said.matchAll(/(\d+(?:\.\d+)?)\s*([dhms])[a-z]*/g)];
  if (parts.length === 0 || said.replace(/(\d+(?:\.\d+)?)\s*([dhms])[a-z]*/g, '').trim() !== '')
    return undefined;
  const seconds = parts.reduce(
    (total, [, count, unit]) => total + Number(count) * (SECONDS.find(([it]) => it === unit)?.[1] ?? 0),
    0,
  );
  const whole = Math.round(seconds);
  return whole >= 1 && whole <= LONGEST ? whole : undefined;
}

export type RuleTexts = Record<RuleName, string>;

/** Rules as text to edit. */
export function ruleTexts(rules: Rules | null): RuleTexts {
  const said = (name: RuleName) => {
    const seconds = rules?.[name];
    return seconds ? durationWords(seconds) : '';
  };
  return {
    interactiveJobTimeLimitSeconds: said('interactiveJobTimeLimitSeconds'),
    interactiveJobMaxIdleDurationSeconds: said('interactiveJobMaxIdleDurationSeconds'),
    interactiveJobPreemptIdleDurationSeconds: said('interactiveJobPreemptIdleDurationSeconds'),
    trainingJobTimeLimitSeconds: said('trainingJobTimeLimitSeconds'),
    trainingJobMaxIdleDurationSeconds: said('trainingJobMaxIdleDurationSeconds'),
  };
}

/** What to send of `texts`: null where there is no rule at all. */
export function rulesOf(texts: RuleTexts): Rules | null {
  const rules: Rules = {};
  for (const { name } of RULES) {
    const seconds = durationOf(texts[name]);
    if (seconds) rules[name] = seconds;
  }
  return Object.keys(rules).length > 0 ? rules : null;
}

/** The fields that cannot be sent, each with a sentence. `above` is the department's word. */
export function ruleProblems(texts: RuleTexts, above: Rules | null): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, below } of RULES) {
    const seconds = durationOf(texts[name]);
    const most = above?.[name];
    const bound = below && durationOf(texts[below]);
    if (seconds === undefined) found[name] = 'Such as 45m, 12h or 1d 12h.';
    else if (seconds !== null && most && seconds > most)
      found[name] =
        `At most ${durationWords(most)}: a project may tighten its department's limit, not loosen it.`;
    else if (seconds !== null && bound && seconds >= bound)
      found[name] =
        `Below the time limit, which is ${durationWords(bound)}; it would never be reached otherwise.`;
  }
  return found;
}

/** Where the limit that counts comes from. */
export function sourceOf(name: RuleName, own: Rules | null, counts: Rules): 'none' | 'own' | 'inherited' {
  if (!counts[name]) return 'none';
  return own?.[name] === counts[name] ? 'own' : 'inherited';
}
