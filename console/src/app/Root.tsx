/**
 * What surrounds every page, signed in or not: the session's start, its end, and who notices use.
 *
 * The shell below it is loaded only for people who are signed in, so that the sign-in page stays small.
 */
import { Notifications } from '@mantine/notifications';
import { useEffect } from 'react';
import { Outlet, ScrollRestoration, useLocation, useNavigate, useNavigation } from 'react-router';
import { BARE_PAGES } from '@/app/pages';
import { useSessionState } from '@/session/hooks';
import { signInPath } from '@/session/returnTo';
import { session } from '@/session/store';
import { Splash } from '@/ui/Splash';
import classes from './Root.module.css';

const USES = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const;

export function Root() {
  const state = useSessionState();
  const location = useLocation();
  const navigate = useNavigate();
  const bare = BARE_PAGES.some((page) => location.pathname === `/${page}`);
  const reason = state.phase === 'out' ? state.reason : undefined;
  const mustSignIn = state.phase === 'out' && !bare;

  useUseNoticing();
  useEffect(() => {
    if (!mustSignIn) return;
    // Who signs out on purpose starts anew; who was put out goes on where they were.
    const from = reason === 'signed-out' ? '/' : location.pathname + location.search;
    void navigate(signInPath(from, reason), { replace: true });
  }, [mustSignIn, reason, location.pathname, location.search, navigate]);

  if (state.phase === 'starting' || mustSignIn) return <Splash />;
  return (
    <>
      <Progress />
      <Outlet />
      {/* Below the router, because messages hold links. */}
      <Notifications position="bottom-right" limit={4} zIndex={400} />
      <ScrollRestoration getKey={({ pathname }) => pathname} />
    </>
  );
}

function useUseNoticing() {
  useEffect(() => {
    const notice = () => session.noticeUse();
    for (const name of USES) window.addEventListener(name, notice, { passive: true });
    document.addEventListener('visibilitychange', session.step);
    return () => {
      for (const name of USES) window.removeEventListener(name, notice);
      document.removeEventListener('visibilitychange', session.step);
    };
  }, []);
}

/** A thin line while the file of the next page loads. */
function Progress() {
  const { state } = useNavigation();
  return state === 'loading' ? (
    <div className={classes.progress} role="progressbar" aria-label="Loading the page" />
  ) : null;
}
