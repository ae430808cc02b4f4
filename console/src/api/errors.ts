/**
 * What went wrong with a call, in the server's own words.
 *
 * Every refusal of the server is `{code, message, details?}`; a 403 of an access rule also names its decision,
 * which the page "Why was this refused?" can look up. A call that never reached the server has status 0.
 */

export interface Decision {
  id: string;
  permission: string;
  scopePath: string[];
  roles: string[];
}

export class ApiError extends Error {
  readonly status: number;
  readonly details: string | undefined;
  readonly decision: Decision | undefined;
  /** The machine word some refusals carry, such as `password-change-required`. */
  readonly reason: string | undefined;
  /** Seconds to wait, where the server says so. */
  readonly retryAfter: number | undefined;

  constructor(status: number, body: unknown, retryAfter?: number) {
    const told = isRecord(body) ? body : {};
    super(text(told.message) ?? text(told.error_description) ?? fallback(status));
    this.name = 'ApiError';
    this.status = status;
    this.details = text(told.details);
    this.decision = decisionIn(told.decision);
    this.reason = text(told.reason) ?? (isRecord(told.details) ? text(told.details.reason) : undefined);
    this.retryAfter = retryAfter;
  }

  /** Whether trying the same again may help. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

/** The error of an answer that is not a success. Reads its body. */
export async function errorOf(response: Response): Promise<ApiError> {
  const raw = await response.text().catch(() => '');
  let body: unknown;
  try {
    body = JSON.parse(raw);
  } catch {
    body = undefined;
  }
  const wait = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return new ApiError(response.status, body, Number.isFinite(wait) ? wait : undefined);
}

/** The error of a call that got no answer. */
export function unreachable(): ApiError {
  return new ApiError(0, undefined);
}

/** Anything that was thrown, as an ApiError. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError(0, { message: thrown instanceof Error ? thrown.message : 'Something went wrong.' });
}

/**
 * The form field that a refusal is about, and the sentence to show beside it; undefined for the whole form.
 *
 * The server begins such sentences with the field's name: `name must be …`, `scope.id: expected …`, or ends
 * them with it: `the required field is missing: 'name'`.
 */
export function fieldOf(
  error: ApiError,
  fields: readonly string[],
): { field: string; message: string } | undefined {
  if (error.status !== 400 && error.status !== 409) return undefined;
  const missing = /required field is missing: '([^']+)'/.exec(error.message)?.[1];
  if (missing && fields.includes(missing)) return { field: missing, message: 'Needed.' };
  const first = /^([A-Za-z][A-Za-z0-9_.[\]]*)[:\s]/.exec(error.message)?.[1];
  if (!first) return undefined;
  const field = fields.find((it) => it === first) ?? fields.find((it) => first.startsWith(`${it}.`));
  if (!field) return undefined;
  const message = error.message.startsWith(`${first}: `)
    ? error.message.slice(first.length + 2)
    : error.message;
  return { field, message: message[0] ? message[0].toUpperCase() + message.slice(1) : message };
}

function fallback(status: number): string {
  if (status === 0) return 'The server could not be reached. Check the connection and try again.';
  if (status >= 500) return `The server failed to answer (${status}). Try again in a moment.`;
  return `The server refused this (${status}).`;
}

function decisionIn(value: unknown): Decision | undefined {
  if (!isRecord(value) || typeof value.id !== 'string') return undefined;
  return {
    id: value.id,
    permission: text(value.permission) ?? '',
    scopePath: texts(value.scopePath),
    roles: texts(value.roles),
  };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((it): it is string => typeof it === 'string') : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
