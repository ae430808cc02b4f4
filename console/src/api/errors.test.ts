import { describe, expect, it } from 'vitest';
import { ApiError, errorOf, fieldOf } from '@/api/errors';

const about = (message: string, fields: string[], status = 400) =>
  fieldOf(new ApiError(status, { message }), fields);

describe('the field that a refusal is about', () => {
  it('is named at the beginning', () => {
    expect(about("name: expected 'str', got 'int'.", ['name'])).toEqual({
      field: 'name',
      message: "Expected 'str', got 'int'.",
    });
    expect(about('name must be 2 to 253 characters.', ['name'])?.field).toBe('name');
    expect(about('scope.id: expected more.', ['scope'])?.field).toBe('scope');
  });

  it('is named at the end where it is missing', () => {
    expect(about("the required field is missing: 'roleId'.", ['roleId'])?.field).toBe('roleId');
  });

  it('is none for other sentences, other statuses and other forms', () => {
    expect(about('The service account "a" already exists.', ['name'], 409)).toBeUndefined();
    expect(about('name must be short.', ['name'], 403)).toBeUndefined();
    expect(about('name must be short.', ['title'])).toBeUndefined();
    expect(about('names are unique.', ['name'])).toBeUndefined();
  });
});

describe('the error of an answer', () => {
  it('carries the decision of a refusal', async () => {
    const body = {
      code: 403,
      message: 'You may not.',
      details: 'Missing users:read.',
      decision: { id: 'd1', permission: 'users:read', scopePath: ['tenant runai'], roles: ['Editor'] },
    };
    const error = await errorOf(new Response(JSON.stringify(body), { status: 403 }));
    expect(error).toMatchObject({ status: 403, message: 'You may not.', details: 'Missing users:read.' });
    expect(error.decision).toEqual(body.decision);
  });

  it('carries the reason, wherever it stands', () => {
    expect(new ApiError(403, { message: 'x', reason: 'inactive' }).reason).toBe('inactive');
    expect(new ApiError(403, { message: 'x', details: { reason: 'inactive' } }).reason).toBe('inactive');
  });

  it('has a sentence for a body that is none of ours', async () => {
    const error = await errorOf(
      new Response('<html>Bad gateway', { status: 502, headers: { 'Retry-After': '7' } }),
    );
    expect(error.message).toContain('502');
    expect(error.retryAfter).toBe(7);
    expect(error.isTemporary).toBe(true);
    expect(new ApiError(500, null).isTemporary).toBe(false);
  });
});
