/** Puts the console on the page. */
import '@fontsource-variable/geist/index.css';
import '@fontsource-variable/geist-mono/index.css';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '@/theme/tokens.css';
import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router';
import { Providers } from '@/app/Providers';
import { queryClient } from '@/api/query';
import { makeRouter } from '@/app/router';
import { session } from '@/session/store';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
// Locking the scroll of the page behind a dialog adds a style element, which needs the nonce too.
setNonce(nonce);

session.onEnd = () => queryClient.clear();
void session.start();

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <Providers nonce={nonce}>
      <RouterProvider router={makeRouter()} />
    </Providers>,
  );
}
