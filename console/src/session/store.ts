/**
 * Who is signed in, in this tab. The access token lives in this object and nowhere else.
 *
 * Tabs talk over a BroadcastChannel: use in one keeps all awake, signing out of one signs out of all, and
 * another person signing in makes the other tabs load anew, so that no page shows two people's data.
 */
import { asApiError } from '@/api/errors';
import { setTokenSource } from '@/api/send';
import { csrfFromCookie, forgetCsrf, sessionApi } from '@/session/protocol';
import { nextStep } from '@/session/timer';
import type { EndReason, SessionReply, SessionState } from '@/session/types';

type Message =
  | { kind: 'signed-out'; reason: EndReason }
  | { kind: 'signed-in'; userId: string }
  | { kind: 'active'; at: number }
  | { kind: 'reported'; at: number };

const ENDS: readonly EndReason[] = ['expired', 'inactive', 'ended'];
/** Tabs tell each other of use this often at most. */
const TELL_EVERY = 5_000;
/** After a renewal that did not reach the server. */
const RETRY_AFTER = 5_000;

export class SessionStore {
  private state: SessionState = { phase: 'starting' };
  private listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private renewing: Promise<boolean> | undefined;
  private renewingActive = false;
  private lastActive = 0;
  private lastReported = 0;
  private lastTold = 0;
  private tokenExpiresAt = 0;
  private readonly channel: BroadcastChannel;
  /** Called when the session ends, whoever ended it. */
  onEnd: () => void = () => undefined;

  constructor() {
    this.channel = new BroadcastChannel('runplane-session');
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => this.hear(data);
    setTokenSource({ token: () => this.current()?.accessToken, renew: () => this.renew(false) });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): SessionState => this.state;

  /** The session, where there is one. */
  current(): SessionReply | undefined {
    return this.state.phase === 'in' ? this.state.session : undefined;
  }

  /** Takes up the session of the cookie, if there is one. */
  async start(): Promise<void> {
    if (csrfFromCookie() === undefined) return this.set({ phase: 'out' });
    await this.renew(true);
  }

  async signIn(email: string, password: string): Promise<void> {
    this.begin(await sessionApi.signIn(email, password));
  }

  /** Replaces a temporary password and signs in. */
  async changePassword(email: string, password: string, newPassword: string): Promise<void> {
    this.begin(await sessionApi.changePassword(email, password, newPassword));
  }

  async signOut(): Promise<void> {
    const csrf = this.csrf();
    // Ends here in any case: who signs out and finds the data still shown has been told a lie.
    this.end('signed-out', true);
    // The call below may never arrive, and whoever loads the page next must not be let in for that.
    forgetCsrf();
    if (csrf !== undefined) await sessionApi.signOut(csrf).catch(() => undefined);
  }

  /** Somebody is at the keyboard. Cheap: called for every key and click. */
  noticeUse(): void {
    if (this.state.phase !== 'in' || this.state.warning) return;
    const now = Date.now();
    const first = this.lastActive <= this.lastReported;
    this.lastActive = now;
    if (now - this.lastTold > TELL_EVERY) {
      this.lastTold = now;
      this.tell({ kind: 'active', at: now });
    }
    if (first) this.step();
  }

  /** "I am still here": the answer to the warning. */
  async stay(): Promise<void> {
    await this.renew(true);
  }

  /** Looks at the clock again, such as after the computer slept. */
  readonly step = (): void => {
    clearTimeout(this.timer);
    if (this.state.phase !== 'in') return;
    const { session, warning } = this.state;
    const now = Date.now();
    const next = nextStep({
      now,
      lastActive: this.lastActive,
      lastReported: this.lastReported,
      tokenExpiresAt: this.tokenExpiresAt,
      sessionExpiresAt: Date.parse(session.sessionExpiresAt),
      inactivity: (session.inactivitySeconds ?? 0) * 1000,
    });
    if (next.do === 'end') {
      const csrf = this.csrf();
      this.end(next.reason, true);
      if (csrf !== undefined) void sessionApi.signOut(csrf).catch(() => undefined);
    } else if (next.do === 'renew') void this.renew(next.active);
    else {
      if (next.do === 'warn' && !warning) this.set({ ...this.state, warning: true, endsAt: next.endsAt });
      // A browser rounds very long timers down to at once.
      this.timer = setTimeout(this.step, Math.min(next.until - now + 10, 3_600_000));
    }
  };

  private renew(active: boolean): Promise<boolean> {
    // One at a time; but "I am still here" must not be lost in a renewal that did not say so.
    if (this.renewing && active && !this.renewingActive) {
      return this.renewing.then((ok) => ok && this.renew(true));
    }
    if (!this.renewing) this.renewingActive = active;
    this.renewing ??= this.ask(active).finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  private async ask(active: boolean): Promise<boolean> {
    const csrf = this.csrf();
    if (csrf === undefined) {
      this.end('ended', false);
      return false;
    }
    try {
      this.accept(await sessionApi.token(active, csrf), active);
      return true;
    } catch (thrown) {
      const error = asApiError(thrown);
      if (error.status === 401 || error.status === 403) {
        this.end(ENDS.find((it) => it === error.reason) ?? 'ended', false);
        return false;
      }
      if (this.state.phase === 'in') {
        clearTimeout(this.timer);
        this.timer = setTimeout(this.step, RETRY_AFTER);
        return false;
      }
      this.set({ phase: 'out' });
      return false;
    }
  }

  private begin(reply: SessionReply): void {
    this.accept(reply, true);
    this.tell({ kind: 'signed-in', userId: reply.user.id });
  }

  private accept(reply: SessionReply, active: boolean): void {
    const before = this.current();
    if (before && before.user.id !== reply.user.id) return window.location.reload();
    const now = Date.now();
    this.tokenExpiresAt = now + reply.expiresIn * 1000;
    if (active || this.lastReported === 0) {
      this.lastReported = now;
      this.lastActive = Math.min(this.lastActive, now);
      this.tell({ kind: 'reported', at: now });
    }
    this.set({ phase: 'in', session: reply, warning: false, endsAt: 0 });
    this.step();
  }

  private end(reason: EndReason, tell: boolean): void {
    clearTimeout(this.timer);
    const wasIn = this.state.phase === 'in';
    this.lastReported = 0;
    this.set(wasIn ? { phase: 'out', reason } : { phase: 'out' });
    if (tell) this.tell({ kind: 'signed-out', reason });
    if (wasIn) this.onEnd();
  }

  private hear(message: Message): void {
    if (message.kind === 'signed-out') return this.end(message.reason, false);
    if (message.kind === 'signed-in') {
      const current = this.current();
      if (!current) void this.renew(false);
      else if (current.user.id !== message.userId) window.location.reload();
      return;
    }
    if (this.state.phase !== 'in') return;
    if (message.kind === 'active') this.lastActive = Math.max(this.lastActive, message.at);
    else {
      this.lastReported = Math.max(this.lastReported, message.at);
      if (this.state.warning) this.set({ ...this.state, warning: false });
    }
    this.step();
  }

  /** The cookie comes first: another tab may have signed in anew since this one was told. */
  private csrf(): string | undefined {
    return csrfFromCookie() ?? this.current()?.csrfToken;
  }

  private tell(message: Message): void {
    this.channel.postMessage(message);
  }

  private set(state: SessionState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

/** The session of this tab. */
export const session = new SessionStore();
