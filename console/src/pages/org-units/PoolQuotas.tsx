/** What a unit has in each node pool, as bars; what is unlimited or nothing needs no bar and is said in a line. */
import type { ReactNode } from 'react';
import { amountWords, poolQuotas } from '@/pages/org-units/quotas';
import type { Department, Unit } from '@/pages/org-units/units';
import { roomIn } from '@/pages/org-units/useRoom';
import { amount, type Quota } from '@/ui/quota';
import { QuotaBar } from '@/ui/QuotaBar';
import { StatusBadge } from '@/ui/StatusBadge';
import classes from './PoolQuotas.module.css';

export function PoolQuotas({ unit }: { unit: Unit }) {
  return (
    <ul className={classes.pools}>
      {unit.resources.map((it) => {
        const { gpu, cpu, memory } = poolQuotas(unit, it);
        const weight = it.gpu.overQuotaWeight;
        return (
          <li key={it.nodePool.id} className={classes.pool}>
            <div className={classes.head}>
              <b>{it.nodePool.name}</b>
              <span className={classes.extra}>
                {weight !== null && <span>weight {amount(weight)}</span>}
                {it.priority && <span>priority {it.priority}</span>}
              </span>
            </div>
            <Line name="GPUs" unit="GPUs" quota={gpu} />
            {isFree(cpu) && isFree(memory) ? (
              <Said name="CPU and memory">unlimited</Said>
            ) : (
              <>
                <Line name="CPU" unit="cores" quota={cpu} />
                <Line
                  name="Memory"
                  unit={it.memory.units === 'Mib' ? 'MiB' : it.memory.units}
                  quota={memory}
                />
              </>
            )}
            {'children' in unit && <Promised department={unit} poolId={it.nodePool.id} />}
          </li>
        );
      })}
    </ul>
  );
}

function Line({ name, unit, quota }: { name: string; unit: string; quota: Quota }) {
  const { deserved, limit, allocated } = quota;
  const plain = deserved === null || (deserved === 0 && limit === null);
  if (!plain) return <QuotaBar {...quota} unit={unit} />;
  const used = allocated === null ? '' : `${amountWords(allocated, unit)} allocated; `;
  const most = limit === null ? '' : `, at most ${amountWords(limit, unit)}`;
  return (
    <Said name={name}>
      {used}
      {deserved === null ? 'unlimited' : 'no quota, only what others leave'}
      {most}
    </Said>
  );
}

/** Nothing is bounded and nothing is reported. */
function isFree({ deserved, limit, allocated }: Quota): boolean {
  return deserved === null && limit === null && allocated === null;
}

function Said({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.plain}>
      <span>{name}</span>
      <span>{children}</span>
    </div>
  );
}

function Promised({ department, poolId }: { department: Department; poolId: string }) {
  const room = roomIn(department, poolId);
  if (!room) return null;
  const { quota, promised } = room;
  const over = quota !== null && (promised === null || promised > quota);
  return (
    <Said name="Promised to projects">
      {promised === null ? 'unlimited' : amount(promised)} of {quota === null ? 'unlimited' : amount(quota)}{' '}
      GPUs {over && <StatusBadge tone="warn">Over</StatusBadge>}
    </Said>
  );
}
