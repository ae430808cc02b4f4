/** The side navigation: the sections and entries that this person may open. */
import { NavLink } from 'react-router';
import { visibleSections } from '@/app/pages';
import { useCan } from '@/session/hooks';
import classes from './Navigation.module.css';

export function Navigation({ onNavigate }: { onNavigate?: () => void }) {
  const can = useCan();
  return (
    <nav aria-label="Main" className={classes.nav}>
      {visibleSections(can).map((section) => (
        <div key={section.title ?? ''} className={classes.section}>
          {section.title && <h2 className={classes.title}>{section.title}</h2>}
          <ul className={classes.list}>
            {section.entries.map(({ path, title, icon: Icon }) => (
              <li key={path}>
                <NavLink to={path} end={path === '/'} className={classes.link} onClick={onNavigate}>
                  <Icon size={16} stroke={1.6} />
                  {title}
                </NavLink>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
