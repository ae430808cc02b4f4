/** The session, as React sees it. */
import { useQuery } from '@tanstack/react-query';
import { useMemo, useSyncExternalStore } from 'react';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';
import { holds, permissionSet, type Need } from '@/session/permissions';
import { session } from '@/session/store';
import type { SessionReply, SessionState } from '@/session/types';

export function useSessionState(): SessionState {
  return useSyncExternalStore(session.subscribe, session.snapshot);
}

/** Who is signed in. Only for what is shown inside the shell, where somebody always is. */
export function useSession(): SessionReply {
  const state = useSessionState();
  if (state.phase !== 'in') throw new Error('useSession needs somebody to be signed in');
  return state.session;
}

/** The call that says what the caller may do. */
export const myPermissions = () => queryOf(request('get', '/api/v1/authorization/permissions'));

/**
 * Whether the person may do something somewhere. For hiding what would be refused anyway; the server decides.
 * While the answer is on its way nothing is allowed, so that nothing appears and then goes.
 */
export function useCan(): (need: Need) => boolean {
  const { data } = useQuery({ ...myPermissions(), staleTime: 60_000 });
  return useMemo(() => {
    const held = permissionSet(data ?? []);
    return (need) => holds(held, need);
  }, [data]);
}
