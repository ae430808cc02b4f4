/** The code of a waiting machine: how it is typed, and how it is shown. */

/** The letters the server makes codes of: no vowels, so no words; none that looks like another. */
const LETTERS = /[^BCDFGHJKLMNPQRSTVWXZ]/g;
const LENGTH = 8;

/** What somebody typed or pasted, as it is shown: two groups of four letters. */
export function shownCode(typed: string): string {
  const letters = typed.toUpperCase().replace(LETTERS, '').slice(0, LENGTH);
  return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
}

/** Whether a code is all there. */
export function isComplete(code: string): boolean {
  return shownCode(code).length === LENGTH + 1;
}
