// Every page in light, in dark and at 400 pixels: it shows what it is for, axe finds nothing, nothing overflows,
// and the browser complains about nothing.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessible, launch, logIn, LOOKS, open } from './stage/browser';
import { eventually } from './stage/conditions';
import { Engine } from './stage/engine';
import { ORDERS, SUBJECT } from './stage/shop';

let engine: Engine;
let browser: Browser;

beforeAll(async () => {
  engine = await Engine.start();
  browser = await launch();
  await engine.push('validator');
  await engine.apply(ORDERS);
  await engine.publish(SUBJECT, [
    { user: 'ada', amount: 3 },
    { user: 'eve', amount: -1 },
  ]);
  await eventually('the letter is there', async () =>
    (await engine.status('orders'))['dead_letters'] === 1 ? true : undefined,
  );
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

const PAGES: [path: string, shows: string][] = [
  ['/console/t/dev', 'orders'],
  ['/console/t/dev/p/orders', 'Reconciliation'],
  ['/console/t/dev/p/orders/dead-letters', 'out-of-range'],
  ['/console/t/dev/p/orders/manifest', 'Take effect'],
  ['/console/t/dev/p/orders/revisions', 'There is one revision only'],
  ['/console/t/dev/p/orders/live', 'Waiting for a call'],
  ['/console/t/dev/plugins', 'validator@1.0.0'],
  ['/console/t/dev/new', 'Apply'],
  ['/console/t/dev/quotas', 'plugin-bytes'],
  ['/console/t/dev/tokens', 'New token'],
  ['/console/t/dev/audit', 'pipeline-applied'],
  ['/console/nowhere', 'There is no such page'],
];

describe.each(LOOKS)('$scheme at $width pixels', (look) => {
  it.each(PAGES)('%s shows %s', async (path, shows) => {
    const { page, complaints } = await open(browser, engine, path, look);
    await logIn(page, engine.token, 'dev');
    await page.getByText(new RegExp(shows, 'i')).filter({ visible: true }).first().waitFor();
    await accessible(page);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('the login and the page of all tenants', async () => {
    const { page, complaints } = await open(browser, engine, '/console/', look);
    await page.getByLabel('Token', { exact: true }).waitFor();
    await accessible(page);
    await logIn(page, engine.operator);
    await page.getByText('Everything is as it should be').waitFor();
    await accessible(page);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

it('tells its first paint', async () => {
  const { page } = await open(browser, engine, '/console/');
  await page.getByLabel('Token', { exact: true }).waitFor();
  const paint = await eventually('something was painted', () =>
    page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime),
  );
  process.stdout.write(`first contentful paint: ${paint.toFixed(0)} ms\n`);
  await page.context().close();
});
