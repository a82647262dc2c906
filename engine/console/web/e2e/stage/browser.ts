// A page in a headless Chromium. It notes whatever the browser complains about; a test ends with `clean`.
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { eventually, PATIENCE_MS } from './conditions';
import { CHROMIUM } from './needs';
import type { Engine } from './engine';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface Look {
  scheme: 'light' | 'dark';
  width: number;
}

export const LOOKS: Look[] = [
  { scheme: 'light', width: 1280 },
  { scheme: 'dark', width: 1280 },
  { scheme: 'light', width: 400 },
];

export function launch(): Promise<Browser> {
  // In a container nobody may make the namespaces of Chromium's own sandbox.
  return chromium.launch({ executablePath: CHROMIUM(), args: ['--no-sandbox'], timeout: PATIENCE_MS });
}

export interface Opened {
  page: Page;
  /** What the browser complained about: failures of scripts, refusals of the policy. */
  complaints: string[];
  /** What could not be loaded: red lines of the browser too. */
  unloaded: string[];
}

export async function open(browser: Browser, engine: Engine, path: string, look = LOOKS[0]): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: look?.width ?? 1280, height: 850 },
    colorScheme: look?.scheme ?? 'light',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  const unloaded: string[] = [];
  page.on('pageerror', (cause) => complaints.push(cause.message));
  page.on('console', (message) => {
    // An answer that is an error is said by the page itself where a test wishes for one.
    const failed = message.text().startsWith('Failed to load resource');
    if (message.type() !== 'error') return;
    if (failed) unloaded.push(`${message.text()} ${message.location().url}`);
    else complaints.push(message.text());
  });
  page.on('dialog', (dialog) => {
    // A page that holds text asks before it goes. A test that wants it to listens too.
    if (dialog.type() === 'beforeunload' && (page as unknown as EventEmitter).listenerCount('dialog') > 1) return;
    complaints.push(`a script asked: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`${engine.url}${path}`);
  return { page, complaints, unloaded };
}

export async function logIn(page: Page, token: string, tenant = ''): Promise<void> {
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.getByLabel('Tenant', { exact: true }).fill(tenant);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Nothing that axe finds, and no page wider than its window. */
export async function accessible(page: Page): Promise<void> {
  // A page that changes while axe reads it makes axe fail: it is read again then.
  const found = await eventually('axe reads the page', () => page.evaluate(violations, AXE));
  expect(found).toEqual([]);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wider).toBeLessThanOrEqual(0);
}

/** Runs in the page. */
async function violations(axe: string): Promise<string[]> {
  (0, eval)(axe);
  const run = (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run();
  return (await run).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`);
}

interface AxeResults {
  violations: { id: string; nodes: { html: string }[] }[];
}
