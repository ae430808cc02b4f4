/**
 * The look of the console, as data for Mantine: one accent (petrol), cool neutrals, small type, tight radii.
 *
 * Colours that are not Mantine's own are the `--rp-…` custom properties of tokens.css, which follow the colour
 * scheme. Components get their density here and nowhere else, so that pages do not set sizes.
 */
import {
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  type MantineThemeComponents,
} from '@mantine/core';

const petrol: MantineColorsTuple = [
  '#e9f7f8',
  '#d0ecee',
  '#a2dbdf',
  '#70c8cf',
  '#48b8c1',
  '#279fa9',
  '#107d88',
  '#0b6a74',
  '#08535b',
  '#053c43',
];

/** Mantine's own neutrals are grey; these lean to the accent, so that inputs and menus belong to the page. */
const gray: MantineColorsTuple = [
  '#f6f8f8',
  '#f0f4f4',
  '#e2e8e8',
  '#d5dede',
  '#cbd5d6',
  '#a5b3b5',
  '#5b6b6f',
  '#526165',
  '#36444a',
  '#1d282b',
];
const dark: MantineColorsTuple = [
  '#e6ecec',
  '#b9c5c8',
  '#9aa9ad',
  '#84949a',
  '#344146',
  '#28343a',
  '#182024',
  '#12181b',
  '#0f1517',
  '#0c1113',
];

const inputs = { size: 'sm' } as const;
/** Hints and errors at 12 px: smaller is not read. */
const small = { description: { fontSize: '0.75rem' }, error: { fontSize: '0.75rem' } };
const covers = {
  defaultProps: {
    padding: 'lg',
    overlayProps: { backgroundOpacity: 0.4 },
    closeButtonProps: { 'aria-label': 'Close' },
  },
  styles: { title: { fontSize: '1rem', fontWeight: 600, letterSpacing: '-0.005em' } },
};

// Plain objects: `Button.extend(…)` would load every component named here with the first page.
const components: MantineThemeComponents = {
  ActionIcon: {
    defaultProps: { variant: 'subtle', color: 'gray', size: 'md' },
    vars: (_theme: unknown, props: { variant?: string; color?: string }) => ({
      root:
        props.variant === 'subtle' && props.color === 'gray'
          ? { '--ai-color': 'var(--rp-dim)', '--ai-hover': 'var(--rp-calm-soft)' }
          : {},
    }),
  },
  Badge: { defaultProps: { variant: 'light', radius: 'sm', size: 'sm', tt: 'none', fw: 500 } },
  Button: {
    defaultProps: { size: 'xs', fw: 550, fz: 'sm', h: 32 },
    styles: { section: { marginInlineEnd: 6 } },
  },
  Checkbox: { defaultProps: { size: 'xs' }, styles: small },
  InputWrapper: { styles: small },
  Radio: { defaultProps: { size: 'xs' }, styles: small },
  Drawer: { ...covers, defaultProps: { ...covers.defaultProps, position: 'right' } },
  Menu: {
    defaultProps: {
      shadow: 'md',
      position: 'bottom-end',
      // The focus goes to the first entry; an empty element that takes it is nothing a menu may hold.
      withInitialFocusPlaceholder: false,
    },
  },
  Modal: { ...covers, defaultProps: { ...covers.defaultProps, centered: true, radius: 'lg' } },
  Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
  PasswordInput: { defaultProps: inputs },
  Select: { defaultProps: { ...inputs, allowDeselect: false, checkIconPosition: 'right' } },
  Switch: { defaultProps: { size: 'sm' }, styles: small },
  Table: { defaultProps: { fz: 'sm', verticalSpacing: 8, horizontalSpacing: 12 } },
  Tabs: { defaultProps: { keepMounted: false } },
  TextInput: { defaultProps: inputs },
  Textarea: { defaultProps: inputs },
  Tooltip: { defaultProps: { openDelay: 350, fz: 'xs', multiline: true, maw: 320 } },
};

export const theme = createTheme({
  primaryColor: 'petrol',
  primaryShade: { light: 7, dark: 6 },
  colors: { petrol, gray, dark },
  black: '#121a1c',
  fontFamily: "'Geist Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "'Geist Mono Variable', ui-monospace, 'SF Mono', Menlo, Consolas, monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.4' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.25rem', lineHeight: '1.3' },
      h2: { fontSize: '1rem', lineHeight: '1.4' },
      h3: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  radius: { xs: '3px', sm: '5px', md: '7px', lg: '10px', xl: '14px' },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components,
});

/** Mantine's surfaces in terms of our tokens, so that there is one set of colours. */
export const variables: CSSVariablesResolver = () => {
  const shared = {
    '--mantine-color-body': 'var(--rp-surface)',
    '--mantine-color-text': 'var(--rp-ink)',
    '--mantine-color-dimmed': 'var(--rp-dim)',
    '--mantine-color-disabled-color': 'var(--rp-off)',
    '--mantine-color-placeholder': 'var(--rp-faint)',
    '--mantine-color-default': 'var(--rp-surface)',
    '--mantine-color-default-hover': 'var(--rp-hover)',
    '--mantine-color-default-border': 'var(--rp-line-strong)',
    '--mantine-color-anchor': 'var(--rp-accent)',
    '--mantine-color-error': 'var(--rp-bad)',
  };
  return { variables: {}, light: shared, dark: shared };
};
