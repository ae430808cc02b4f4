/**
 * Conditions of a list: how they are written into `filterBy`, read from an address, and applied to a list that
 * came whole. Pure.
 *
 * The server's grammar is `field`, a two-character operator, the value; it has no escape. A comma inside a value
 * ends the term where a known field and an operator follow it, so such a value is refused here with a sentence
 * instead of being sent and understood as something else.
 */

export type Kind = 'text' | 'time' | 'integer' | 'number' | 'boolean';
export type Operator = '==' | '!=' | '<=' | '>=' | '=@' | '!@' | '=^' | '=$';

/** What a column can be filtered by. `field` is the server's name; `operators` replaces the default of the kind. */
export interface FilterField {
  field: string;
  kind: Kind;
  label: string;
  operators?: readonly Operator[];
  choices?: readonly { value: string; label: string }[];
}

export interface Condition {
  field: string;
  operator: Operator;
  value: string;
}

export const OPERATORS: readonly Operator[] = ['==', '!=', '<=', '>=', '=@', '!@', '=^', '=$'];

const RANGE: readonly Operator[] = ['==', '!=', '<=', '>='];
const DEFAULT: Readonly<Record<Kind, readonly Operator[]>> = {
  text: ['=@', '==', '!=', '!@', '=^', '=$'],
  time: ['>=', '<='],
  integer: RANGE,
  number: RANGE,
  boolean: ['=='],
};

const WORDS: Readonly<Record<Operator, string>> = {
  '==': 'is',
  '!=': 'is not',
  '<=': 'at most',
  '>=': 'at least',
  '=@': 'contains',
  '!@': 'does not contain',
  '=^': 'begins with',
  '=$': 'ends with',
};

/** The operators to offer for a field, the likeliest first. */
export function operatorsOf(field: FilterField): readonly Operator[] {
  return field.operators ?? (field.choices ? ['==', '!='] : DEFAULT[field.kind]);
}

/** The operator in words. */
export function wordOf(operator: Operator, kind: Kind): string {
  if (kind === 'time' && operator === '>=') return 'since';
  if (kind === 'time' && operator === '<=') return 'until';
  return WORDS[operator];
}

/** The condition as one term of `filterBy`. */
export function writeCondition({ field, operator, value }: Condition): string {
  return `${field}${operator}${value}`;
}

/** The condition that `term` says; undefined if its field or operator is not among `fields`. */
export function readCondition(term: string, fields: readonly FilterField[]): Condition | undefined {
  const name = /^[A-Za-z0-9_]+/.exec(term)?.[0];
  const field = fields.find((it) => it.field === name);
  if (!field) return undefined;
  const operator = OPERATORS.find((it) => term.startsWith(it, field.field.length));
  if (!operator || !operatorsOf(field).includes(operator)) return undefined;
  const value = term.slice(field.field.length + operator.length);
  return value === '' ? undefined : { field: field.field, operator, value };
}

/** What is wrong with a condition, as a sentence; undefined if it can be sent. */
export function problemOf(
  { value }: Condition,
  field: FilterField,
  fields: readonly FilterField[],
): string | undefined {
  if (value.trim() === '') return 'Say what to look for.';
  if (value.length > 1000) return 'At most 1000 characters.';
  if (field.kind === 'integer' && !/^-?\d{1,18}$/.test(value.trim())) return 'A whole number, such as 12.';
  if (field.kind === 'number' && !/^-?\d+(\.\d+)?$/.test(value.trim())) return 'A number, such as 0.5.';
  if (field.kind === 'time' && Number.isNaN(Date.parse(value))) return 'A date, such as 2026-01-31.';
  for (const [, name, operator] of value.matchAll(/,([A-Za-z0-9_]*)(==|!=|<=|>=|=@|!@|=\^|=\$)/g)) {
    if (fields.some((it) => it.field === name)) {
      return `The server would take “,${name}${operator}” for the beginning of another filter.`;
    }
  }
  return undefined;
}

/** Whether a row's `value` meets a condition: what the server does, for lists that it sends whole. */
export function meets(condition: Condition, kind: Kind, value: unknown): boolean {
  const { operator } = condition;
  const order = compare(kind, value, condition.value);
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<=':
      return order !== undefined && order <= 0;
    case '>=':
      return order !== undefined && order >= 0;
  }
  const text = fold(value);
  const wanted = fold(condition.value);
  if (operator === '=@') return text.includes(wanted);
  if (operator === '!@') return !text.includes(wanted);
  return operator === '=^' ? text.startsWith(wanted) : text.endsWith(wanted);
}

function compare(kind: Kind, value: unknown, wanted: string): number | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  if (kind === 'text' || kind === 'boolean') return compareText(fold(value), fold(wanted));
  const a = kind === 'time' ? Date.parse(plain(value)) : Number(value);
  const b = kind === 'time' ? Date.parse(wanted) : Number(wanted);
  return Number.isNaN(a) || Number.isNaN(b) ? undefined : a - b;
}

/** Order of two cells: numbers as numbers, text without regard to case, nothing last. */
export function compareCells(a: unknown, b: unknown): number {
  const emptyA = a === null || a === undefined || a === '';
  const emptyB = b === null || b === undefined || b === '';
  if (emptyA || emptyB) return Number(emptyA) - Number(emptyB);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareText(fold(a), fold(b));
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function fold(value: unknown): string {
  return plain(value).toLowerCase();
}

function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}
