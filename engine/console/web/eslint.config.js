// Beyond the recommended sets: no markup from data, bounded functions, no `any`.
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const browser = {
  document: false,
  window: false,
  history: false,
  location: false,
  setTimeout: false,
  clearTimeout: false,
};

export default ts.config(
  { ignores: ['node_modules/', 'src/api/generated.ts'] },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: browser },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', { max: 350 }],
      'max-lines-per-function': ['error', { max: 80 }],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      // What an event or a plugin wrote is text, never markup.
      'svelte/no-at-html-tags': 'error',
      // The policy of the page refuses styles in markup.
      'svelte/no-inline-styles': ['error', { allowTransitions: false }],
      // What is not shown itself needs no reactive collection.
      'svelte/prefer-svelte-reactivity': 'off',
      // The router of `src/routing` is this house's own.
      'svelte/no-navigation-without-resolve': 'off',
    },
  },
  { files: ['**/*.test.ts', '**/*.e2e.ts', 'e2e/**'], rules: { 'max-lines-per-function': 'off' } },
);
