/** A picture that somebody chose as the logo, and whether the server would take it. */

/** The server's own limits; it has the last word. */
export const MAX_KB = 128;
export const MAX_SIDE = 4096;
export const TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;

export interface Picture {
  name: string;
  /** `data:image/png;base64,…`: what the server takes and an image element shows. */
  data: string;
}

/** What is wrong with a file as a logo, in a sentence; undefined where nothing is. */
export function wrongWith(file: { type: string; size: number }): string | undefined {
  if (file.type === 'image/svg+xml') {
    return 'SVG is not taken, because such a file can carry scripts. Save it as PNG or WebP.';
  }
  if (!TYPES.some((it) => it === file.type)) return 'Choose a PNG, JPEG or WebP picture.';
  if (file.size > MAX_KB * 1024) {
    return `A logo may have at most ${String(MAX_KB)} KB; this one has ${String(Math.ceil(file.size / 1024))}.`;
  }
  return undefined;
}

/** The file as a picture. Rejects with a sentence where a browser could not show it. */
export async function readPicture(file: File): Promise<Picture> {
  const data = await dataOf(file);
  const image = new Image();
  image.src = data;
  try {
    await image.decode();
  } catch {
    throw new Error('The picture is damaged: the browser cannot show it.');
  }
  if (Math.max(image.naturalWidth, image.naturalHeight) > MAX_SIDE) {
    throw new Error(`A logo may be at most ${String(MAX_SIDE)} pixels wide and high.`);
  }
  return { name: file.name, data };
}

function dataOf(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new Error('The file could not be read.'));
    reader.readAsDataURL(file);
  });
}
