/**
 * Quotas as people write them, and back. Pure.
 *
 * People read cores and a word for "no limit"; the API has millicores, and -1 or null. Only what was changed is
 * sent, so that two people who change different things both keep theirs.
 */
import type { components } from '@/api/schema';
import type { Resources, ResourcesIn, Unit } from '@/pages/org-units/units';
import { counted, type Quota } from '@/ui/quota';

type Units = components['schemas']['MemoryOut']['units'];

export const UNITS: readonly Units[] = ['GB', 'MB', 'Mib'];
export const UNLIMITED = -1;
export const UNLIMITED_WORD = 'Unlimited';

/** One node pool in a form: everything as text. CPU in cores, memory in `units`. */
export interface QuotaDraft {
  pool: { id: string; name: string };
  gpu: string;
  gpuLimit: string;
  gpuWeight: string;
  priority: string;
  cpu: string;
  cpuLimit: string;
  memory: string;
  memoryLimit: string;
  units: Units;
}

export type QuotaField = Exclude<keyof QuotaDraft, 'pool'>;

const AMOUNTS = ['gpu', 'gpuLimit', 'cpu', 'cpuLimit', 'memory', 'memoryLimit'] as const;
const MILLI = 1000;

/** Null and -1 are one thing. */
function text(value: number | null): string {
  return value === null || value === UNLIMITED ? UNLIMITED_WORD : String(value);
}

function cores(millicores: number | null): number | null {
  return millicores === null || millicores === UNLIMITED ? null : millicores / MILLI;
}

/** The amount that `written` says, -1 for any beginning of the word "unlimited"; undefined for nonsense. */
export function amountOf(written: string): number | undefined {
  const said = written.trim().toLowerCase();
  if (said === '-1' || said === '∞' || (said !== '' && 'unlimited'.startsWith(said))) return UNLIMITED;
  return /^\d+(\.\d+)?$/.test(said) ? Number(said) : undefined;
}

/** What is written, as it is shown afterwards; nonsense stays. */
export function tidied(written: string): string {
  const said = amountOf(written);
  return said === undefined ? written : text(said);
}

/** A unit's quota in one node pool, to edit. */
export function draftOf({ nodePool, gpu, cpu, memory, priority }: Resources): QuotaDraft {
  return {
    pool: nodePool,
    gpu: text(gpu.deserved),
    gpuLimit: text(gpu.limit),
    gpuWeight: gpu.overQuotaWeight === null ? '' : String(gpu.overQuotaWeight),
    priority: priority ?? '',
    cpu: text(cores(cpu.deserved)),
    cpuLimit: text(cores(cpu.limit)),
    memory: text(memory.deserved),
    memoryLimit: text(memory.limit),
    units: memory.units,
  };
}

/** What the server gives where nothing is said: no GPU quota, all else unlimited. */
export function freshDraft(pool: { id: string; name: string }): QuotaDraft {
  return {
    pool: { id: pool.id, name: pool.name },
    gpu: '0',
    gpuLimit: UNLIMITED_WORD,
    gpuWeight: '',
    priority: '',
    cpu: UNLIMITED_WORD,
    cpuLimit: UNLIMITED_WORD,
    memory: UNLIMITED_WORD,
    memoryLimit: UNLIMITED_WORD,
    units: 'GB',
  };
}

/** The fields of a draft that cannot be sent, each with a sentence. */
export function problemsOf(draft: QuotaDraft): Partial<Record<QuotaField, string>> {
  const found: Partial<Record<QuotaField, string>> = {};
  for (const field of AMOUNTS)
    if (amountOf(draft[field]) === undefined) found[field] = 'A number, or Unlimited.';
  for (const name of ['gpu', 'cpu', 'memory'] as const) {
    const quota = amountOf(draft[name]);
    const limit = amountOf(draft[`${name}Limit`]);
    if (quota === undefined || limit === undefined || quota === UNLIMITED || limit === UNLIMITED) continue;
    if (limit < quota) found[`${name}Limit`] = 'Not below the quota.';
  }
  if (draft.gpuWeight.trim() !== '' && !/^\d+(\.\d+)?$/.test(draft.gpuWeight.trim()))
    found.gpuWeight = 'A number, 0 or more.';
  return found;
}

/** The problems of a form's drafts, by the names that the form gives their fields. */
export function formProblems(drafts: readonly QuotaDraft[]): Record<string, string> {
  return Object.fromEntries(
    drafts.flatMap((draft, index) =>
      Object.entries(problemsOf(draft)).map(([field, problem]) => [`quotas.${index}.${field}`, problem]),
    ),
  );
}

/** What has to be sent for `after` to hold where `before` holds now; undefined where nothing differs. */
export function changeOf(before: QuotaDraft, after: QuotaDraft): ResourcesIn | undefined {
  const differs = (...fields: QuotaField[]) => fields.some((it) => tidied(before[it]) !== tidied(after[it]));
  const change: ResourcesIn = { nodePool: { id: after.pool.id } };
  const gpu: NonNullable<ResourcesIn['gpu']> = {};
  if (differs('gpu')) gpu.deserved = sent(after.gpu);
  if (differs('gpuLimit')) gpu.limit = sent(after.gpuLimit);
  if (differs('gpuWeight')) gpu.overQuotaWeight = weightOf(after);
  if (Object.keys(gpu).length) change.gpu = gpu;
  if (differs('priority')) change.priority = after.priority || null;
  const cpu: NonNullable<ResourcesIn['cpu']> = {};
  if (differs('cpu')) cpu.deserved = sent(after.cpu, MILLI);
  if (differs('cpuLimit')) cpu.limit = sent(after.cpuLimit, MILLI);
  if (Object.keys(cpu).length) change.cpu = cpu;
  // An amount means nothing without its unit, and the server converts what is not said.
  if (differs('memory', 'memoryLimit', 'units'))
    change.memory = {
      deserved: sent(after.memory),
      limit: sent(after.memoryLimit),
      units: after.units,
    };
  return Object.keys(change).length > 1 ? change : undefined;
}

/** All that differs, ready to send. */
export function changesOf(before: readonly QuotaDraft[], after: readonly QuotaDraft[]): ResourcesIn[] {
  return after.flatMap((draft) => {
    const old = before.find((it) => it.pool.id === draft.pool.id) ?? freshDraft(draft.pool);
    return changeOf(old, draft) ?? [];
  });
}

function sent(written: string, factor = 1): number {
  const said = amountOf(written) ?? UNLIMITED;
  return said === UNLIMITED ? UNLIMITED : Number((said * factor).toFixed(3));
}

function weightOf({ gpuWeight }: QuotaDraft): number | null {
  return gpuWeight.trim() === '' ? null : Number(gpuWeight);
}

/** The GPUs of a unit in all its node pools, for a bar. */
export function gpuTotal(unit: Unit): Quota {
  return {
    deserved: unit.totalResources?.gpuQuota ?? null,
    limit: sum(unit.resources.map((it) => it.gpu.limit)),
    allocated: unit.status?.quotaStatus?.allocated?.gpu ?? null,
  };
}

/** The three quotas of a unit in one node pool, with what is allocated where that was reported. */
export function poolQuotas(unit: Unit, { nodePool, gpu, cpu, memory }: Resources) {
  const used = unit.status?.nodePoolQuotaStatuses?.find((it) => it.nodePoolId === nodePool.id)?.allocated;
  const scale = MEGABYTES[memory.units];
  return {
    gpu: { deserved: finite(gpu.deserved), limit: finite(gpu.limit), allocated: used?.gpu ?? null },
    cpu: { deserved: cores(cpu.deserved), limit: cores(cpu.limit), allocated: cores(used?.cpu ?? null) },
    memory: {
      deserved: finite(memory.deserved),
      limit: finite(memory.limit),
      allocated: used?.memory === undefined ? null : used.memory / scale,
    },
  };
}

/** Megabytes in one of each unit of memory; the server's own. */
export const MEGABYTES: Readonly<Record<Units, number>> = { GB: 1000, MB: 1, Mib: 1.048576 };

function finite(value: number | null): number | null {
  return value === UNLIMITED ? null : value;
}

/** Null, which is unlimited, swallows the others. */
function sum(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (total, it) => (total === null || finite(it) === null ? null : total + (it ?? 0)),
    values.length === 0 ? null : 0,
  );
}

/** An amount in words: "12 GPUs", "1 GPU", "Unlimited". */
export function amountWords(value: number | null, unit: string): string {
  return value === null || value === UNLIMITED ? UNLIMITED_WORD : counted(value, unit);
}
