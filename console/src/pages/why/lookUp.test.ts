import { afterEach, describe, expect, it, vi } from 'vitest';
import { lookUp } from '@/pages/why/lookUp';

const REQUEST = '01a20295-0286-73eb-80e1-89c00b9e7a70';
const DECISION = '01a20295-021f-7437-ab3f-68019fe43ddf';

/** A server with one refusal; `metadata` is what the log holds of it. */
function server(metadata: Record<string, string>) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url);
    if (url.endsWith(`/decisions/${DECISION}`)) return Promise.resolve(Response.json({ id: DECISION }));
    if (url.startsWith('/api/v1/audit/log')) {
      const event = { request_id: REQUEST, http_status_code: 403, metadata };
      return Promise.resolve(Response.json({ total: 1, audit_logs: [event] }));
    }
    return Promise.resolve(Response.json({ message: 'There is no decision.' }, { status: 404 }));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe('a refusal by an id', () => {
  it('is found by the id of its decision at once', async () => {
    const asked = server({});
    expect(await lookUp(DECISION, true)).toEqual({ decision: { id: DECISION } });
    expect(asked).toHaveLength(1);
  });

  it('is found by the id of its request, in the log of that time', async () => {
    const asked = server({ decisionId: DECISION });
    expect(await lookUp(REQUEST, true)).toEqual({ decision: { id: DECISION } });
    const query = new URL(asked[1] ?? '', 'http://x').searchParams;
    expect(query.get('start')).toBe('2026-11-22T09:27:19.670Z');
    expect(query.get('filterBy')).toBe('result==Failed');
  });

  it('may have had another reason than access rules', async () => {
    server({});
    expect(await lookUp(REQUEST, true)).toMatchObject({ event: { request_id: REQUEST } });
  });

  it('is not looked for in a log that the caller may not read', async () => {
    const asked = server({ decisionId: DECISION });
    await expect(lookUp(REQUEST, false)).rejects.toMatchObject({ status: 404 });
    expect(asked).toHaveLength(1);
  });

  it('is not there for an id that nothing has', async () => {
    server({ decisionId: DECISION });
    await expect(lookUp('6fa459ea-ee8a-4ca4-894e-db77e160355e', true)).rejects.toMatchObject({ status: 404 });
    await expect(lookUp(REQUEST.replace('70', '71'), true)).rejects.toMatchObject({ status: 404 });
  });
});
