import { Button } from '@mantine/core';
import { IconTerminal2 } from '@tabler/icons-react';
import type { ApiRequest } from '@/api/request';
import { copyCurl } from '@/ui/copy';

/** "Copy as curl" of an action, as it would be sent now. */
export function CurlButton({ request }: { request: () => ApiRequest }) {
  return (
    <Button
      variant="subtle"
      color="gray"
      mr="auto"
      px={6}
      leftSection={<IconTerminal2 size={15} />}
      onClick={() => void copyCurl(request())}
    >
      Copy as curl
    </Button>
  );
}
