/** A dialog that cannot be closed by a slip while it shows what cannot be shown again. */
import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  size: number;
  /** True while the secret is on the screen: only a button inside closes the dialog. */
  locked: boolean;
  children: ReactNode;
}

export function SecretModal({ locked, ...others }: Props) {
  return (
    <Modal {...others} closeOnClickOutside={!locked} closeOnEscape={!locked} withCloseButton={!locked} />
  );
}
