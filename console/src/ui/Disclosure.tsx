/** A button that makes room for a form below it, and takes it away again. */
import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconPlus } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './Disclosure.module.css';

export function Disclosure({
  label,
  children,
}: {
  label: string;
  children: (close: () => void) => ReactNode;
}) {
  const [opened, { toggle, close }] = useDisclosure(false);
  return (
    <div className={classes.box}>
      <Button
        variant="subtle"
        color="gray"
        px={6}
        aria-expanded={opened}
        leftSection={opened ? <IconChevronDown size={15} /> : <IconPlus size={15} />}
        onClick={toggle}
      >
        {label}
      </Button>
      {opened && <div className={classes.content}>{children(close)}</div>}
    </div>
  );
}
