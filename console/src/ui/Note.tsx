/** A remark about what stands below it: a colour for its weight, an icon that says the same without colour. */
import { IconAlertTriangle, IconEyeExclamation, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './Note.module.css';

const LOOKS = {
  accent: { icon: IconInfoCircle, role: 'status' },
  warn: { icon: IconInfoCircle, role: 'status' },
  secret: { icon: IconEyeExclamation, role: 'note' },
  bad: { icon: IconAlertTriangle, role: 'alert' },
} as const;

interface Props {
  tone?: keyof typeof LOOKS;
  title?: string;
  children?: ReactNode;
}

export function Note({ tone = 'accent', title, children }: Props) {
  const { icon: Icon, role } = LOOKS[tone];
  return (
    <div className={classes.note} data-tone={tone} role={role}>
      <Icon className={classes.icon} size={17} stroke={1.8} aria-hidden="true" />
      <div className={classes.words}>
        {title && <p className={classes.title}>{title}</p>}
        {children}
      </div>
    </div>
  );
}
