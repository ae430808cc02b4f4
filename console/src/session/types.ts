/** What the server's `/api/v1/session` operations say, and what the console knows of who is signed in. */
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type SessionReply = Schemas['SessionOut'];
export type SessionOptions = Schemas['SessionOptionsOut'];
export type IdentityProvider = Schemas['IdentityProviderOut'];

/** Why nobody is signed in (any longer). */
export type EndReason = 'expired' | 'inactive' | 'ended' | 'signed-out';

export type SessionState =
  | { phase: 'starting' }
  | { phase: 'out'; reason?: EndReason }
  | { phase: 'in'; session: SessionReply; warning: boolean; endsAt: number };
