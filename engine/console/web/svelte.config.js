// Shared by Vite, svelte-check and eslint.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  // Styles are files: the policy of the page allows no other.
  compilerOptions: { runes: true, css: 'external' },
};
