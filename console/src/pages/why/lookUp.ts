/**
 * A refusal by an id. The id of a decision stands in the refusal itself; where it is the id of a request, as
 * the event history shows, the audit log tells which decision that request met.
 */
import { asApiError } from '@/api/errors';
import { request } from '@/api/request';
import type { components } from '@/api/schema';
import { send } from '@/api/send';
import { instantIn, type Decision } from '@/pages/why/path';

type Event = components['schemas']['AuditRecordOut'];

/** A decision, or an event that was refused for another reason than missing access. */
export type Found = { decision: Decision } | { event: Event };

/** The time in the id of a request and that of its event differ, by its duration and more. Milliseconds. */
const BEFORE = 10_000;
const AFTER = 300_000;
const MOST = 1000;

/** Finds the refusal. Raises ApiError: 404 where there is none that the caller may see. */
export async function lookUp(id: string, readsLog: boolean, signal?: AbortSignal): Promise<Found> {
  try {
    return { decision: await decisionOf(id, signal) };
  } catch (error) {
    const event = asApiError(error).status === 404 && readsLog ? await eventOf(id, signal) : undefined;
    if (!event) throw error;
    const decisionId = event.metadata.decisionId;
    return decisionId ? { decision: await decisionOf(decisionId, signal) } : { event };
  }
}

function decisionOf(decisionId: string, signal?: AbortSignal): Promise<Decision> {
  return send(
    request('get', '/api/v1/authorization/decisions/{decisionId}', { params: { path: { decisionId } } }),
    signal,
  );
}

async function eventOf(requestId: string, signal?: AbortSignal): Promise<Event | undefined> {
  const at = instantIn(requestId);
  if (at === undefined) return undefined;
  const query = {
    start: new Date(at - BEFORE).toISOString(),
    end: new Date(at + AFTER).toISOString(),
    filterBy: ['result==Failed'],
    sortBy: 'timestamp',
    sortOrder: 'asc',
    numberOfSamples: MOST,
  } as const;
  const { audit_logs } = await send(
    request('get', '/api/v1/audit/log', { params: { query: { ...query, filterBy: [...query.filterBy] } } }),
    signal,
  );
  return audit_logs.find((it) => it.request_id === requestId && it.http_status_code === 403);
}
