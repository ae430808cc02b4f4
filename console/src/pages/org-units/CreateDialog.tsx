/** A new department or project: where it is, what it may use, and on request all the rest. */
import { Modal, Skeleton, Text, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { useClusters, type Cluster } from '@/pages/org-units/clusters';
import { changesOf, formProblems, freshDraft, type QuotaDraft } from '@/pages/org-units/quotas';
import { QuotaFields } from '@/pages/org-units/QuotaFields';
import { TraitFields } from '@/pages/org-units/TraitFields';
import { ALIASES, traitProblems, traitsBody, traitsOf, type Traits } from '@/pages/org-units/traits';
import { TOUCHES, type Kind, type Unit } from '@/pages/org-units/units';
import { useDepartment, useRoom } from '@/pages/org-units/useRoom';
import { ErrorState } from '@/ui/ErrorState';
import { FormBody } from '@/ui/FormDialog';
import { RemoteSelect } from '@/ui/RemoteSelect';
import { Section } from '@/ui/Section';
import { DepartmentSelect } from '@/pages/org-units/DepartmentSelect';
import classes from './CreateDialog.module.css';

/** The server's own rule; it has the last word. */
const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

interface Values extends Traits {
  name: string;
  clusterId: string;
  parentId: string;
  requestedNamespace: string;
  quotas: QuotaDraft[];
}

interface Props {
  kind: Kind;
  onClose: () => void;
  onMade: (unit: Unit) => void;
}

export function CreateDialog(props: Props) {
  const clusters = useClusters();
  return (
    <Modal opened onClose={props.onClose} title={`New ${props.kind}`} size={880}>
      <CreateForm key={clusters.length === 0 ? 'none' : 'some'} {...props} clusters={clusters} />
    </Modal>
  );
}

function CreateForm({ kind, onClose, onMade, clusters }: Props & { clusters: readonly Cluster[] }) {
  const only = clusters.length === 1 ? clusters[0]?.uuid : undefined;
  const form = useForm<Values>({
    initialValues: {
      ...traitsOf(),
      name: '',
      clusterId: only ?? '',
      parentId: '',
      requestedNamespace: '',
      quotas: [],
    },
    validate: (values) => ({
      ...(NAME.test(values.name)
        ? {}
        : { name: 'Lower-case letters, digits and hyphens; begins with a letter.' }),
      ...(values.clusterId ? {} : { clusterId: 'Choose a cluster.' }),
      ...traitProblems(values, above.data?.schedulingRules ?? null),
      ...formProblems(values.quotas),
    }),
  });
  const { clusterId, parentId, name, quotas } = form.values;
  const above = useDepartment(parentId || undefined);
  const pools = useQuery({
    ...queryOf(
      request('get', '/api/v1/node-pools', { params: { query: { filterBy: [`clusterId==${clusterId}`] } } }),
    ),
    enabled: clusterId !== '',
  });
  const room = useRoom(parentId || undefined, []);
  const drafts =
    pools.data?.nodepools.map((it) => quotas.find(({ pool }) => pool.id === it.id) ?? freshDraft(it)) ?? [];
  const isProject = kind === 'project';

  return (
    <FormBody<Values, Unit>
      opened
      title=""
      form={form}
      onClose={onClose}
      request={(values) => create(kind, values)}
      touches={TOUCHES}
      done={`The ${kind} ${name} is made.`}
      onDone={onMade}
      submit={`Create ${kind}`}
      aliases={ALIASES}
    >
      <div className={classes.pair}>
        <TextInput
          label="Name"
          placeholder={isProject ? 'team-a' : 'research'}
          data-autofocus
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps('name')}
        />
        <RemoteSelect
          label="Cluster"
          placeholder="Choose a cluster"
          none="There is no cluster yet; make one first."
          value={clusterId || null}
          error={form.errors.clusterId}
          onChange={(id) =>
            form.setValues({ clusterId: id ?? '', parentId: '', quotas: [], defaultNodePools: [] })
          }
          request={() => request('get', '/api/v1/clusters')}
          options={(found, search) =>
            found
              .filter((it) => it.name.toLowerCase().includes(search))
              .map((it) => ({ value: it.uuid, label: it.name }))
          }
        />
        {isProject && (
          <>
            <DepartmentSelect
              key={clusterId}
              clusterId={clusterId}
              value={parentId}
              error={form.errors.parentId}
              description="Left empty it is the cluster’s default department."
              onChange={(id) => form.setFieldValue('parentId', id)}
            />
            <TextInput
              label="Namespace"
              description="Left empty one is made from the name."
              placeholder={`runai-${name || '<name>'}`}
              autoComplete="off"
              spellCheck={false}
              {...form.getInputProps('requestedNamespace')}
            />
          </>
        )}
      </div>
      <Textarea label="Description" autosize minRows={1} maxRows={6} {...form.getInputProps('description')} />
      <Section title="Quotas">
        {clusterId === '' ? (
          <Text size="sm" c="dimmed">
            Choose a cluster first: quotas are given for each of its node pools.
          </Text>
        ) : pools.error ? (
          <ErrorState error={pools.error} onRetry={() => void pools.refetch()} compact />
        ) : pools.data ? (
          <QuotaFields
            key={clusterId}
            drafts={drafts}
            errors={form.errors}
            onChange={(index, part) => {
              form.clearFieldError(`quotas.${index}.${Object.keys(part)[0] ?? ''}`);
              form.setFieldValue(
                'quotas',
                drafts.map((it, at) => (at === index ? { ...it, ...part } : it)),
              );
            }}
            {...(room ? { hint: room } : {})}
          />
        ) : (
          <Skeleton height={110} />
        )}
      </Section>
      <TraitFields
        values={form.values}
        inputProps={(name) => form.getInputProps(name)}
        setValue={(name, value) => form.setFieldValue(name, value)}
        above={above.data}
        pools={pools.data?.nodepools ?? []}
      />
    </FormBody>
  );
}

function create(kind: Kind, values: Values) {
  const { name, clusterId, parentId, requestedNamespace, quotas } = values;
  const shared = {
    name,
    clusterId,
    ...traitsBody(values),
    resources: changesOf([], quotas),
  };
  return kind === 'project'
    ? request('post', '/api/v1/org-unit/projects', {
        body: {
          ...shared,
          ...(parentId ? { parentId } : {}),
          ...(requestedNamespace.trim() ? { requestedNamespace: requestedNamespace.trim() } : {}),
        },
      })
    : request('post', '/api/v1/org-unit/departments', { body: shared });
}
