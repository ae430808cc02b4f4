/** The calls of the pages that let a program sign in as the person; they carry the cookie. */
import { csrfFromCookie, call } from '@/session/protocol';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Authorization = Schemas['AuthorizationOut'];
export type WaitingDevice = Schemas['WaitingDeviceOut'];

const authorization = (id: string) => `/authorizations/${encodeURIComponent(id)}`;
const device = (code: string) => `/devices/${encodeURIComponent(code)}`;

export const loginsApi = {
  authorization: (id: string) => call<Authorization>('GET', authorization(id)),
  decide: (id: string, approve: boolean) =>
    call<Schemas['DecidedOut']>('POST', authorization(id), { approve }, csrfFromCookie()),
  device: (code: string) => call<WaitingDevice>('GET', device(code), undefined, csrfFromCookie()),
  decideDevice: (code: string, approve: boolean) =>
    call<undefined>('POST', device(code), { approve }, csrfFromCookie()),
};
