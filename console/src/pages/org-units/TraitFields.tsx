/** Scheduling rules and placement to fill in, beside what the department says already. */
import { MultiSelect, Stack, TagsInput, TextInput } from '@mantine/core';
import type { GetInputPropsReturnType } from '@mantine/form';
import type { ReactNode } from 'react';
import { durationOf, durationWords, RULES } from '@/pages/org-units/rules';
import type { Traits } from '@/pages/org-units/traits';
import type { Unit } from '@/pages/org-units/units';
import { Section } from '@/ui/Section';
import classes from './TraitFields.module.css';

interface Pool {
  id: string;
  name: string;
}

interface Props {
  values: Traits;
  inputProps: (name: keyof Traits) => GetInputPropsReturnType;
  setValue: (name: keyof Traits, value: string) => void;
  /** The department of a project; undefined for a department, which has nothing above it. */
  above: Unit | undefined;
  pools: readonly Pool[];
  /** More about placement. */
  children?: ReactNode;
}

export function TraitFields(props: Props) {
  return (
    <div className={classes.traits}>
      <Section title="Scheduling rules">
        <RuleFields {...props} />
      </Section>
      <Section title="Placement">
        <Stack gap="sm">
          <PlacementFields {...props} />
          {props.children}
        </Stack>
      </Section>
    </div>
  );
}

function RuleFields({ values, inputProps, setValue, above }: Props) {
  return (
    <div className={classes.rules}>
      {RULES.map(({ name, title, text }) => {
        const most = above?.schedulingRules?.[name];
        return (
          <TextInput
            key={name}
            label={title}
            description={
              most ? `${above?.name} says ${durationWords(most)}; a project may be stricter.` : text
            }
            placeholder={most ? `${durationWords(most)} (inherited)` : 'No limit'}
            autoComplete="off"
            spellCheck={false}
            {...inputProps(name)}
            onBlur={() => {
              const seconds = durationOf(values[name]);
              if (seconds) setValue(name, durationWords(seconds));
            }}
          />
        );
      })}
    </div>
  );
}

function PlacementFields({ values, inputProps, above, pools }: Props) {
  const { defaultNodePools, training, workspace } = values;
  const usual = above?.defaultNodePools?.map((it) => pools.find(({ id }) => id === it)?.name ?? it) ?? [];
  return (
    <>
      <MultiSelect
        label="Node pools, the first choice first"
        description={
          usual.length > 0
            ? `${above?.name} says ${usual.join(', ')}.`
            : 'For workloads that ask for none themselves.'
        }
        placeholder={defaultNodePools.length > 0 ? '' : 'Any'}
        data={choices(pools, defaultNodePools)}
        searchable
        {...inputProps('defaultNodePools')}
      />
      <TagsInput
        label="Node types for training"
        description={typesText(above, 'training')}
        placeholder={training.length > 0 ? '' : 'Any'}
        {...inputProps('training')}
      />
      <TagsInput
        label="Node types for workspaces"
        description={typesText(above, 'workspace')}
        placeholder={workspace.length > 0 ? '' : 'Any'}
        {...inputProps('workspace')}
      />
    </>
  );
}

function typesText(above: Unit | undefined, what: 'training' | 'workspace'): string {
  const inherited = above?.nodeTypes[what];
  return inherited?.length
    ? `${above?.name} says ${inherited.join(', ')}.`
    : 'Values of the node label run.ai/type; Enter adds one.';
}

/** Pools by id. What was written by name stays what it is, so that nothing changes by looking at it. */
function choices(pools: readonly Pool[], chosen: readonly string[]) {
  const byId = pools.map(({ id, name }) => ({ value: id, label: name }));
  const named = chosen.filter((it) => !pools.some(({ id }) => id === it));
  const shown = byId.filter(({ label }) => !named.includes(label));
  return [...shown, ...named.map((it) => ({ value: it, label: it }))];
}
