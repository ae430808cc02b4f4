import { useEffect } from 'react';

/** Names the tab; what differs between pages comes first, because tabs are cut off at the end. */
export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · runplane`;
  }, [title]);
}
