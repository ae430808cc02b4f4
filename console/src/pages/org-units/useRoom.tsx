/** What a department has left in each node pool, as a line for a form. */
import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { amountOf, UNLIMITED, type QuotaDraft } from '@/pages/org-units/quotas';
import { readDepartment, type Department, type Resources } from '@/pages/org-units/units';
import { amount } from '@/ui/quota';
import classes from './useRoom.module.css';

/** GPUs that a department has and that its projects are promised; null is unlimited. */
export interface Room {
  quota: number | null;
  promised: number | null;
}

export function roomIn(department: Department, poolId: string): Room | undefined {
  const own = department.resources.find((it) => it.nodePool.id === poolId);
  const given = department.projectsAggregatedResources?.find((it) => it.nodePool.id === poolId);
  if (!own || !given) return undefined;
  return { quota: own.gpu.deserved === UNLIMITED ? null : own.gpu.deserved, promised: given.gpu.deserved };
}

/** The department `id`, while it is asked for. */
export function useDepartment(id: string | undefined) {
  return useQuery({ ...queryOf(readDepartment(id ?? '')), enabled: id !== undefined });
}

/**
 * Says below the name of a pool how much of the department's GPU quota its projects would be promised with what is
 * written in the form. `own` are the resources of the project itself, which are in the sum already.
 */
export function useRoom(departmentId: string | undefined, own: readonly Resources[]) {
  const { data } = useDepartment(departmentId);
  if (!data) return undefined;
  return (draft: QuotaDraft) => {
    const room = roomIn(data, draft.pool.id);
    const written = amountOf(draft.gpu);
    if (!room || written === undefined) return null;
    const mine = own.find((it) => it.nodePool.id === draft.pool.id)?.gpu.deserved ?? 0;
    const others = room.promised === null || mine === UNLIMITED ? null : room.promised - mine;
    const total = others === null || written === UNLIMITED ? null : others + written;
    const over = room.quota !== null && (total === null || total > room.quota);
    return (
      <span className={over ? classes.over : undefined}>
        {total === null ? 'Unlimited' : amount(total)} of{' '}
        {room.quota === null ? 'unlimited' : amount(room.quota)} GPUs of {data.name}
        {over && ': over'}
      </span>
    );
  };
}
