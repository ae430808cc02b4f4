/**
 * Moves the focus to the page when its address changes, as loading a document would: otherwise a screen
 * reader stays in the navigation and says nothing of the new page.
 */
import { useEffect, useRef } from 'react';

export function useFocusOnArrival(pathname: string) {
  const target = useRef<HTMLElement>(null);
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    target.current?.focus({ preventScroll: true });
  }, [pathname]);
  return target;
}
