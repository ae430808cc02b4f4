import { useQuery } from '@tanstack/react-query';
import { queryOf } from '@/api/query';
import { request } from '@/api/request';

/** Every role with its permission sets; the list comes whole. */
export function useRoles() {
  return useQuery(queryOf(request('get', '/api/v2/authorization/roles')));
}
