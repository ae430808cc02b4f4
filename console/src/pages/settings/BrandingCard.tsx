/** The logo, shown on both grounds before anybody else sees it. */
import { Button, FileButton } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useAction } from '@/api/query';
import { request } from '@/api/request';
import { Card } from '@/pages/settings/Card';
import { MAX_KB, readPicture, TYPES, wrongWith, type Picture } from '@/pages/settings/logo';
import { useCan } from '@/session/hooks';
import { optionsQuery } from '@/session/options';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { CurlButton } from '@/ui/CurlButton';
import { FormError } from '@/ui/FormError';
import { Note } from '@/ui/Note';
import classes from './settings.module.css';

const PATH = '/api/v1/logo';
/** Every page shows the logo from the options of the session. */
const TOUCHES = [PATH, '/api/v1/session/options'] as const;

const replace = (logo: string) => request('post', PATH, { body: { logo } });

export function BrandingCard() {
  const can = useCan();
  const options = useQuery(optionsQuery);
  const [chosen, setChosen] = useState<Picture>();
  const [wrong, setWrong] = useState<string>();
  const [removing, setRemoving] = useState(false);
  const reset = useRef<() => void>(null);
  const save = useAction<Picture>({
    request: ({ data }) => replace(data),
    touches: TOUCHES,
    done: 'The logo is changed.',
    onDone: () => setChosen(undefined),
    quiet: true,
  });
  const logo = options.data?.logo;
  const shown = chosen?.data ?? (logo ? `data:${logo.mediaType};base64,${logo.data}` : undefined);

  function cancel() {
    setChosen(undefined);
    save.reset();
  }

  async function choose(file: File | null) {
    reset.current?.();
    if (!file) return;
    cancel();
    const problem = wrongWith(file);
    setWrong(problem);
    if (problem) return;
    try {
      setChosen(await readPicture(file));
    } catch (error) {
      setWrong((error as Error).message);
    }
  }

  return (
    <Card
      title="Branding"
      text={`The logo on the sign-in page and in the header: PNG, JPEG or WebP, at most ${String(MAX_KB)} KB.`}
    >
      <div className={classes.logo}>
        {(['light', 'dark'] as const).map((ground) => (
          <div
            key={ground}
            className={`${classes.frame ?? ''} ${classes[ground] ?? ''}`}
            data-ground={ground}
          >
            {shown ? (
              <img className={classes.picture} src={shown} alt={`The logo on a ${ground} ground`} />
            ) : (
              <span className={classes.nothing}>No logo</span>
            )}
          </div>
        ))}
      </div>
      {wrong && (
        <div className={classes.buttons}>
          <Note tone="bad" title={wrong} />
        </div>
      )}
      {save.error && (
        <div className={classes.buttons}>
          <FormError error={save.error} />
        </div>
      )}
      {can('branding-settings:update') && (
        <div className={classes.buttons}>
          {chosen ? (
            <>
              <Button loading={save.isPending} onClick={() => save.mutate(chosen)}>
                Use this logo
              </Button>
              <Button variant="default" onClick={cancel}>
                Cancel
              </Button>
              <CurlButton request={() => replace(chosen.data)} />
            </>
          ) : (
            <>
              <FileButton resetRef={reset} accept={TYPES.join(',')} onChange={(file) => void choose(file)}>
                {(props) => (
                  <Button variant="default" leftSection={<IconUpload size={15} />} {...props}>
                    {logo ? 'Choose another…' : 'Choose a picture…'}
                  </Button>
                )}
              </FileButton>
              {logo && (
                <Button variant="default" onClick={() => setRemoving(true)}>
                  Remove…
                </Button>
              )}
            </>
          )}
        </div>
      )}
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title="Remove the logo?"
        action="Remove"
        request={replace('')}
        touches={TOUCHES}
        done="The logo is removed."
      >
        The sign-in page and the header show the first letter of the tenant's name instead.
      </ConfirmDialog>
    </Card>
  );
}
