/** Files of variables, as shells and `docker --env-file` read them. Pure. */

export type EnvValue = readonly [name: string, value: string];

/** One `NAME=value` for each; values with anything special are quoted for the shell. */
export function envFile(values: readonly EnvValue[]): string {
  return values
    .map(
      ([name, value]) =>
        `${name}=${/^[\w.:/@%+,-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`}\n`,
    )
    .join('');
}
