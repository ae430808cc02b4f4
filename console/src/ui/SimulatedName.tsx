/** A name, and beside it that the thing does not exist: simulated data never passes for real. */
import { Tooltip } from '@mantine/core';
import classes from './SimulatedName.module.css';

export function SimulatedName({ name, simulated }: { name: string; simulated: boolean }) {
  return (
    <span className={classes.name}>
      <span className={classes.text}>{name}</span>
      {simulated && <SimulatedMark />}
    </span>
  );
}

export function SimulatedMark() {
  return (
    <Tooltip label="Reported by runplane agent simulate: there is no such machine.">
      <span className={classes.mark}>Simulated</span>
    </Tooltip>
  );
}
