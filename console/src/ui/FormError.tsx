/** The refusal of a whole form, above its fields. */
import type { ApiError } from '@/api/errors';
import { Note } from '@/ui/Note';
import { ErrorDetails } from '@/ui/notify';

export function FormError({ error }: { error: ApiError | undefined | null }) {
  if (!error) return null;
  return (
    <Note tone="bad" title={error.message}>
      <ErrorDetails error={error} />
    </Note>
  );
}
