/** What jsdom lacks and the component kit asks for. */
import '@testing-library/jest-dom/vitest';
import { cleanup } from '@testing-library/react';
import { afterEach } from 'vitest';

afterEach(() => cleanup());

const nothing = () => undefined;

class NoResizeObserver {
  observe = nothing;
  unobserve = nothing;
  disconnect = nothing;
}

Object.assign(window, {
  matchMedia: (media: string) => ({
    media,
    matches: false,
    addEventListener: nothing,
    removeEventListener: nothing,
  }),
  ResizeObserver: NoResizeObserver,
});
Object.assign(window.HTMLElement.prototype, { scrollIntoView: nothing });
