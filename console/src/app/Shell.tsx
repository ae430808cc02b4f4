/** The frame of every page for people who are signed in: side navigation, header, the page. */
import { Drawer, useMantineTheme } from '@mantine/core';
import { useDisclosure, useMediaQuery } from '@mantine/hooks';
import { Outlet, useLocation } from 'react-router';
import { Header } from '@/app/Header';
import { Navigation } from '@/app/Navigation';
import { useFocusOnArrival } from '@/app/useFocusOnArrival';
import { InactivityDialog } from '@/session/InactivityDialog';
import { Wordmark } from '@/theme/Logo';
import classes from './Shell.module.css';

export function Shell() {
  const [opened, menu] = useDisclosure(false);
  const { pathname } = useLocation();
  const main = useFocusOnArrival(pathname);
  const { breakpoints } = useMantineTheme();
  const phone = useMediaQuery(`(max-width: ${breakpoints.sm})`, false, { getInitialValueInEffect: false });

  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">
        Skip to the content
      </a>
      {!phone && (
        <aside className={classes.side}>
          <div className={classes.brand}>
            <Wordmark />
          </div>
          <Navigation />
        </aside>
      )}
      {phone && (
        <Drawer opened={opened} onClose={menu.close} position="left" size={272} title={<Wordmark />}>
          <Navigation onNavigate={menu.close} />
        </Drawer>
      )}
      <div className={classes.column}>
        <Header onMenu={phone ? menu.open : undefined} menuOpened={opened} />
        <main id="main" ref={main} tabIndex={-1} className={classes.main}>
          <Outlet />
        </main>
      </div>
      <InactivityDialog />
    </div>
  );
}
