/** What can be said about a unit besides its quotas, in a form and on the wire. Pure. */
import { ruleProblems, rulesOf, ruleTexts, type Rules, type RuleTexts } from '@/pages/org-units/rules';
import type { Unit, UnitUpdate } from '@/pages/org-units/units';

export interface Traits extends RuleTexts {
  description: string;
  defaultNodePools: string[];
  training: string[];
  workspace: string[];
}

/** The server's names of fields that a form calls otherwise. */
export const ALIASES: Readonly<Record<string, string>> = {
  'nodeTypes.training': 'training',
  'nodeTypes.workspace': 'workspace',
  'schedulingRules.interactiveJobTimeLimitSeconds': 'interactiveJobTimeLimitSeconds',
  'schedulingRules.interactiveJobMaxIdleDurationSeconds': 'interactiveJobMaxIdleDurationSeconds',
  'schedulingRules.interactiveJobPreemptIdleDurationSeconds': 'interactiveJobPreemptIdleDurationSeconds',
  'schedulingRules.trainingJobTimeLimitSeconds': 'trainingJobTimeLimitSeconds',
  'schedulingRules.trainingJobMaxIdleDurationSeconds': 'trainingJobMaxIdleDurationSeconds',
};

const MAX_DESCRIPTION = 1024;

/** The traits of a unit, or of one that is to be made. */
export function traitsOf(unit?: Unit): Traits {
  return {
    description: unit?.description ?? '',
    defaultNodePools: unit?.defaultNodePools ?? [],
    training: unit?.nodeTypes.training ?? [],
    workspace: unit?.nodeTypes.workspace ?? [],
    ...ruleTexts(unit?.schedulingRules ?? null),
  };
}

/** `traits` as a request says them. The names of node types that the form does not show are kept. */
export function traitsBody(traits: Traits, unit?: Unit): Omit<UnitUpdate, 'resources'> {
  const { description, defaultNodePools, training, workspace } = traits;
  const names = unit?.nodeTypes.names ?? null;
  const types = training.length > 0 || workspace.length > 0 || names !== null;
  return {
    description: description.trim(),
    schedulingRules: rulesOf(traits),
    // An empty list would mean "none of them" to programs that read it; null is "nothing said".
    defaultNodePools: defaultNodePools.length > 0 ? defaultNodePools : null,
    nodeTypes: types ? { training, workspace, names } : null,
  };
}

/** What is wrong with `traits`, by field. */
export function traitProblems(traits: Traits, above: Rules | null): Record<string, string> {
  return {
    ...ruleProblems(traits, above),
    ...(traits.description.length > MAX_DESCRIPTION
      ? { description: `At most ${MAX_DESCRIPTION} characters.` }
      : {}),
  };
}
