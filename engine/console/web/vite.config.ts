// Builds the console into ../built/site, from where the crate takes it into the binary.
// `npm run dev` serves it while one writes, and sends the API's routes to the engine that TAILRACE_URL names.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { svelte } from '@sveltejs/vite-plugin-svelte';

const engine = process.env['TAILRACE_URL'] ?? 'http://127.0.0.1:8790';

/** The policy of the crate, so that a preview refuses what the engine's pages refuse. */
function policy(): string {
  const headers = readFileSync(new URL('../src/headers.rs', import.meta.url), 'utf8');
  return /POLICY: &str = "([^"]+)"/.exec(headers)?.[1]?.replace(/\\\s+/g, '') ?? '';
}

const proxy = { '/v1': engine, '/openapi.json': engine };

// A build needs the sources of the console only: that of the image has no others.
export default defineConfig(({ isPreview }) => ({
  base: '/console/',
  plugins: [svelte()],
  build: {
    outDir: '../built/site',
    emptyOutDir: true,
    target: 'es2022',
    // Data URLs are not in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy },
  preview: { proxy, headers: isPreview ? { 'content-security-policy': policy() } : {} },
  test: { include: ['{src,scripts}/**/*.test.ts'], environment: 'node' },
}));
