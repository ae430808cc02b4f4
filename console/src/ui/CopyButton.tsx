import { ActionIcon, Tooltip } from '@mantine/core';
import { useTimeout } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useState } from 'react';
import { copyText } from '@/ui/copy';

/** Copies `text`; `what` says what that is, for people who hear the button. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  const { start } = useTimeout(() => setCopied(false), 2000);
  const label = copied ? 'Copied' : `Copy ${what}`;
  return (
    <Tooltip label={label}>
      <ActionIcon
        aria-label={label}
        onClick={() => {
          void copyText(text).then((done) => {
            setCopied(done);
            start();
          });
        }}
      >
        {copied ? <IconCheck size={15} color="var(--rp-good)" /> : <IconCopy size={15} />}
      </ActionIcon>
    </Tooltip>
  );
}
