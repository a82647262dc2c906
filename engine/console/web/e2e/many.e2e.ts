// A thousand pipelines: the overview makes the rows in view and asks for those only. The API's answers are made up
// here, for a thousand real ones would take the engine longer than the whole test.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessible, launch, logIn, open } from './stage/browser';
import { eventually } from './stage/conditions';
import { Engine } from './stage/engine';
import { ORDERS } from './stage/shop';

const MANY = 1_000;
/** Those whose status a round may ask for, as the board has it. */
const MOST_ASKED = 60;
const PIPELINES = '**/v1/tenants/dev/pipelines';

let engine: Engine;
let browser: Browser;
let page: Page;
let complaints: string[];
const asked = new Set<string>();

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  await engine.push('validator');
  await engine.apply(ORDERS);
  const status = await engine.status('orders');
  ({ page, complaints } = await open(browser, engine, '/console/t/dev'));
  const list = Array.from({ length: MANY }, (_, index) => ({
    name: `pipeline-${String(index).padStart(4, '0')}`,
    revision: 1,
    partitions: 1,
    ...(index === 777 ? { state: 'parked', reason: 'its stream is gone <img src=x>' } : { state: 'running' }),
  }));
  await page.route(PIPELINES, (route) => route.fulfill({ json: list }));
  await page.route(`${PIPELINES}/*/status`, (route) => {
    const name = route.request().url().split('/').at(-2) ?? '';
    asked.add(name);
    return route.fulfill({ json: { ...status, state: list.find((one) => one.name === name)?.state } });
  });
  await logIn(page, engine.token, 'dev');
  await page.getByRole('link', { name: 'pipeline-0000' }).waitFor();
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

const rows = () => page.locator('tr[aria-rowindex]');

it('shows what is in trouble first, and makes the rows in view only', async () => {
  expect(await rows().first().innerText()).toContain('pipeline-0777');
  expect(await rows().count()).toBeLessThan(MOST_ASKED);
  await page.getByRole('group', { name: 'States' }).getByText('999').waitFor();
  await eventually('the first ones are asked', async () => (asked.has('pipeline-0000') ? true : undefined));
  expect(asked.size).toBeLessThanOrEqual(MOST_ASKED);
  await accessible(page);
});

it('scrolls to the last one and asks for it', async () => {
  await page.getByRole('region', { name: 'Pipelines' }).evaluate((region) => region.scrollTo(0, 1e9));
  await page.getByRole('link', { name: 'pipeline-0999' }).waitFor();
  await eventually('the last one is asked', async () => (asked.has('pipeline-0999') ? true : undefined));
  expect(await rows().count()).toBeLessThan(MOST_ASKED);
  expect(asked.has('pipeline-0500')).toBe(false);
});

it('finds one by its name, and by its state', async () => {
  await page.getByLabel('Filter by name or state').fill('-0500');
  await page.getByRole('link', { name: 'pipeline-0500' }).waitFor();
  expect(await rows().count()).toBe(1);
  await page
    .getByRole('group', { name: 'States' })
    .getByRole('button', { name: /parked/ })
    .click();
  await page.getByRole('link', { name: 'pipeline-0777' }).waitFor();
  expect(await rows().count()).toBe(1);
  expect(complaints).toEqual([]);
});
