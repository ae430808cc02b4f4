import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
    { ignores: ['src/api/schema.d.ts', 'coverage'] },
    js.configs.recommended,
    {
        files: ['**/*.{ts,tsx}'],
        extends: [
            ...tseslint.configs.recommendedTypeChecked,
            ...tseslint.configs.stylistic,
            reactHooks.configs.flat.recommended,
            jsxA11y.flatConfigs.strict,
        ],
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
        rules: {
            'max-lines': ['error', { max: 400 }],
            '@typescript-eslint/no-non-null-assertion': 'error',
            // Handlers of events and of mutations may return promises: their failures are shown by the helpers.
            '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
            'no-restricted-properties': [
                'error',
                {
                    object: 'window',
                    property: 'localStorage',
                    message: 'Use app/preferences: nothing else is kept.',
                },
            ],
            'no-restricted-globals': ['error', { name: 'localStorage', message: 'Use app/preferences.' }],
            'no-restricted-syntax': [
                'error',
                {
                    selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]',
                    message: 'Stored text must stay text.',
                },
            ],
            // TanStack Table hands out functions that change; the components that use it are not memoized.
            'react-hooks/incompatible-library': 'off',
        },
    },
    {
        files: ['tools/**/*.js', '*.js'],
        languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
    },
);
