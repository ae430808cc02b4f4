/** One form for a new node pool and for changing one: which nodes it claims, and how it schedules on them. */
import { Group, Input, NumberInput, SegmentedControl, Select, Stack, Switch, TextInput } from '@mantine/core';
import { useForm, type UseFormReturnType } from '@mantine/form';
import { useClusterChoices } from '@/api/clusters';
import { request } from '@/api/request';
import { STRATEGIES, TOUCHES, type Pool } from '@/pages/node-pools/columns';
import { change, creation, FRESH, valuesOf, type PoolValues } from '@/pages/node-pools/values';
import { FormDialog } from '@/ui/FormDialog';
import { Section } from '@/ui/Section';

const DETECTIONS = [
  { value: 'Auto', label: 'Detect by a node label' },
  { value: 'Use', label: 'Always use' },
  { value: 'DontUse', label: 'Never use' },
];

type Form = UseFormReturnType<PoolValues>;

/** `pool` is the one to change; a new one is made without. */
export function PoolDrawer({ pool, onClose }: { pool?: Pool; onClose: () => void }) {
  const clusters = useClusterChoices();
  const only = clusters.length === 1 ? (clusters[0]?.value ?? null) : null;
  const form = useForm<PoolValues>({
    initialValues: pool ? valuesOf(pool) : { ...FRESH, clusterId: only },
    validate: { clusterId: (value) => (value ? null : 'Choose the cluster whose nodes it divides.') },
  });
  return (
    <FormDialog
      opened
      drawer
      onClose={onClose}
      title={pool ? `Edit ${pool.name}` : 'New node pool'}
      form={form}
      request={(values) =>
        pool
          ? request('patch', '/api/v1/node-pools/{nodepoolId}', {
              params: { path: { nodepoolId: pool.id } },
              body: change(values, pool.isDefault),
            })
          : request('post', '/api/v1/node-pools', { body: creation(values) })
      }
      touches={TOUCHES}
      done={pool ? 'The node pool is changed.' : 'The node pool is created.'}
      submit={pool ? 'Save' : 'Create'}
    >
      {!pool && <Identity form={form} />}
      {!pool?.isDefault && <Label form={form} />}
      <div>
        <Placement form={form} />
        <Scheduling form={form} />
      </div>
    </FormDialog>
  );
}

function Identity({ form }: { form: Form }) {
  const clusters = useClusterChoices();
  return (
    <>
      <Select
        label="Cluster"
        placeholder="Choose a cluster"
        data={[...clusters]}
        nothingFoundMessage={
          clusters.length > 0 ? 'Nothing found' : 'There is no cluster yet; make one first.'
        }
        searchable
        allowDeselect={false}
        {...form.getInputProps('clusterId')}
      />
      <TextInput
        label="Name"
        placeholder="a100"
        description="Unique in the cluster. It cannot be changed later."
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps('name')}
      />
    </>
  );
}

function Label({ form }: { form: Form }) {
  return (
    <Input.Wrapper
      label="Node label"
      labelElement="div"
      description="Nodes that carry it belong to the pool. All others are in the default pool."
    >
      <Group grow align="flex-start" mt={6} gap="xs">
        <TextInput
          aria-label="Label key"
          placeholder="accelerator"
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps('labelKey')}
        />
        <TextInput
          aria-label="Label value"
          placeholder="a100"
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps('labelValue')}
        />
      </Group>
    </Input.Wrapper>
  );
}

function Placement({ form }: { form: Form }) {
  return (
    <Section title="Placement">
      <Stack gap="sm">
        {(['gpu', 'cpu'] as const).map((kind) => (
          <Input.Wrapper
            key={kind}
            label={kind === 'gpu' ? 'GPU workloads' : 'CPU workloads'}
            labelElement="div"
            description={
              form.values[kind] === 'binpack'
                ? 'Fill a node before the next one is used, so that whole nodes stay free.'
                : 'Use as many nodes as possible, so that each workload has more of one to itself.'
            }
            inputWrapperOrder={['label', 'input', 'description', 'error']}
          >
            <SegmentedControl
              fullWidth
              mt={4}
              mb={4}
              aria-label={kind === 'gpu' ? 'Placement of GPU workloads' : 'Placement of CPU workloads'}
              data={[...STRATEGIES]}
              {...form.getInputProps(kind)}
            />
          </Input.Wrapper>
        ))}
      </Stack>
    </Section>
  );
}

function Scheduling({ form }: { form: Form }) {
  const { swapEnabled, gpuNetworkAccelerationDetection } = form.values;
  return (
    <Section title="Scheduling">
      <Stack gap="sm">
        <NumberInput
          label="GPU over-provisioning ratio"
          description="How many times a GPU may be given out. 1 gives each out once."
          min={1}
          max={5}
          allowDecimal={false}
          {...form.getInputProps('overProvisioningRatio')}
        />
        <TextInput
          label="Guaranteed runtime"
          placeholder="5d8h40m"
          description="How long a workload over quota runs before another may take its place. Empty: no guarantee."
          autoComplete="off"
          {...form.getInputProps('minGuaranteedRuntime')}
        />
        <Select
          label="GPU network acceleration"
          data={DETECTIONS}
          allowDeselect={false}
          {...form.getInputProps('gpuNetworkAccelerationDetection')}
        />
        {gpuNetworkAccelerationDetection === 'Auto' && (
          <TextInput
            label="Label that tells of it"
            placeholder="nvidia.com/gpu.clique"
            description="Empty: the label that NVIDIA's operator sets."
            autoComplete="off"
            spellCheck={false}
            {...form.getInputProps('gpuNetworkAccelerationLabelKey')}
          />
        )}
        <Switch
          label="Schedule GPUs within a node"
          description="Moves fractions of GPUs together, so that whole ones become free."
          {...form.getInputProps('nodeLevelSchedulerEnabled', { type: 'checkbox' })}
        />
        <Switch
          label="Swap GPU memory"
          description="Workloads share a GPU whose memory would not hold them all."
          {...form.getInputProps('swapEnabled', { type: 'checkbox' })}
        />
        {swapEnabled && (
          <Group grow align="flex-start" gap="xs">
            <TextInput label="Swap space" {...form.getInputProps('cpuSwapMemorySize')} />
            <TextInput
              label="GPU memory kept back"
              {...form.getInputProps('reservedGpuMemoryForSwapOperations')}
            />
          </Group>
        )}
      </Stack>
    </Section>
  );
}
