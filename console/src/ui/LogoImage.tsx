/** The tenant's own picture, or the first letter of its name. */
import type { SessionOptions } from '@/session/types';
import classes from './LogoImage.module.css';

/** Only pictures: whatever else the server might hold as a logo is not shown. */
const TYPES = new Set(['image/png', 'image/jpeg', 'image/webp']);

export function LogoImage({
  logo,
  name,
  size = 22,
}: {
  logo: SessionOptions['logo'];
  name: string;
  size?: number;
}) {
  if (logo && TYPES.has(logo.mediaType)) {
    return (
      <img
        className={classes.image}
        src={`data:${logo.mediaType};base64,${logo.data}`}
        alt=""
        height={size}
      />
    );
  }
  return (
    <span className={classes.letter} style={{ width: size, height: size }} aria-hidden="true">
      {name.slice(0, 1).toUpperCase()}
    </span>
  );
}
