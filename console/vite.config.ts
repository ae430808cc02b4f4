/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The server that `npm run dev` passes API calls to. */
const server = process.env.RUNPLANE_URL ?? 'http://127.0.0.1:8080';

/** React changes rarely and every page needs it: one file that stays in the browser's cache over releases. */
function chunkOf(id: string): string | undefined {
  if (/node_modules\/(react|react-dom|scheduler|react-router)\//.test(id)) return 'react';
  if (/node_modules\/@tanstack\/(react-query|query-core)\//.test(id)) return 'query';
  return undefined;
}

/** Every page is called page.tsx; its file is named after its folder, so that a slow one can be told by name. */
function fileOf({ facadeModuleId }: { facadeModuleId: string | null }): string {
  const page = /\/pages\/([^/]+)\/page\.tsx$/.exec(facadeModuleId ?? '')?.[1];
  return `assets/${page ?? '[name]'}-[hash].js`;
}

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: '../src/runplane/server/console/dist',
    emptyOutDir: true,
    target: 'es2022',
    // Small files as data: URLs would be refused by the content security policy for scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { output: { manualChunks: chunkOf, chunkFileNames: fileOf } },
  },
  server: { proxy: { '/api': server, '/auth': server } },
  test: {
    restoreMocks: true,
    // A browser is imitated for components only: it costs each file more than its tests.
    projects: [
      { extends: true, test: { name: 'pure', environment: 'node', include: ['src/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'components',
          environment: 'jsdom',
          include: ['src/**/*.test.tsx'],
          setupFiles: ['src/testing/setup.ts'],
          // Two busy cores: a slow answer is not a wrong one.
          testTimeout: 30_000,
        },
      },
    ],
  },
});
