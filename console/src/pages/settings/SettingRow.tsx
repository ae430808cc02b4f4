/** One setting: what it is for, its key and its value, and the way to change it. */
import type { ReactNode } from 'react';
import classes from './settings.module.css';

interface Props {
  title: string;
  text: string;
  /** As the API calls it. */
  setting: string;
  value: ReactNode;
  /** Where the value comes from, such as "Default". */
  source: string;
  action?: ReactNode;
}

export function SettingRow({ title, text, setting, value, source, action }: Props) {
  return (
    <div className={classes.row}>
      <div className={classes.words}>
        <h3 className={classes.name}>{title}</h3>
        <p className={classes.text}>{text}</p>
        <code className={classes.key}>{setting}</code>
      </div>
      <div className={classes.value}>
        <span className={classes.now}>{value}</span>
        <span className={classes.default}>{source}</span>
      </div>
      <div className={classes.action}>{action}</div>
    </div>
  );
}
