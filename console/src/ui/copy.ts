/** Putting text on the clipboard, also where the page is not on https and the modern way is missing. */
import { curlOf } from '@/api/curl';
import type { ApiRequest } from '@/api/request';
import { notifyDone, notifyError } from '@/ui/notify';
import { ApiError } from '@/api/errors';

/** Whether `text` is on the clipboard now. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

export async function copyCurl(sent: ApiRequest): Promise<void> {
  if (await copyText(curlOf(sent))) notifyDone('Copied. Put a token into $TOKEN before you run it.');
  else notifyError(new ApiError(0, { message: 'The browser did not allow copying.' }));
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.setAttribute('readonly', '');
  area.style.position = 'fixed';
  area.style.opacity = '0';
  // Inside the open dialog, whose focus trap would take the selection away from anywhere else.
  const parent = document.activeElement?.closest('[role="dialog"]') ?? document.body;
  parent.append(area);
  area.select();
  try {
    // The only way on plain http; browsers keep it for this.
    return document.execCommand('copy');
  } finally {
    area.remove();
  }
}
