// Windows: what is open of them, one group of many, what comes late, and more groups than a page holds. Beside
// them what else event time makes: timers, and the drift of a sketch.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessible, launch, logIn, open } from './stage/browser';
import { eventually } from './stage/conditions';
import { Engine } from './stage/engine';
import { BOUGHT, KNOWN, MINUTES, orders, RICH_ORDERS, SALES, SUBJECT } from './stage/shop';

const HOSTILE = '<img src=x onerror=alert(1)>';
const WINDOWS = '**/v1/tenants/dev/pipelines/sales/windows/per-minute?*';

let engine: Engine;
let browser: Browser;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  await engine.push('minutes');
  await engine.apply(SALES);
  await engine.apply(MINUTES);
  await engine.publish(SUBJECT, orders(200));
  await eventually('the sales are counted', async () =>
    (await engine.processed('sales')) === 200 ? true : undefined,
  );
  ({ page, complaints } = await open(browser, engine, '/console/t/dev/p/sales/windows'));
  await logIn(page, engine.token, 'dev');
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

const chosen = () => page.getByRole('combobox', { name: 'Window' });
const rows = () => page.getByRole('region', { name: 'Groups' }).locator('tr[aria-rowindex]');

it('shows what is open, until when, and what each group has so far', async () => {
  const windows = page.getByRole('region', { name: 'Open windows' });
  await windows.getByText('2026-11-01 12:06:00 – 12:07:00Z').waitFor();
  await windows.getByText('in 24 s').waitFor();
  await rows().filter({ hasText: 'tea' }).getByText('169, by: user-22').waitFor();
  expect(await rows().count()).toBe(5);
  await page.getByText('tailrace windows sales per-minute').waitFor();
});

it('shows one group alone, with an address to share', async () => {
  await rows().getByRole('button', { name: 'coffee' }).click();
  await rows().getByText('tea').waitFor({ state: 'detached' });
  expect(await rows().count()).toBe(1);
  expect(page.url()).toContain('group=coffee');
  await page.getByText('tailrace windows sales per-minute --group coffee').waitFor();
  await page.getByLabel('Only the group').fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing is open of this group').waitFor();
  await page.getByRole('button', { name: 'All groups' }).click();
  await rows().getByText('tea').waitFor();
});

it('counts an event that is late, and follows the watermark; a group that is markup is text', async () => {
  const late = { user: 'late', item: 'tea', country: 'de', amount: 1, ts: '2026-11-01T11:00:00Z' };
  const next = { user: 'ada', item: HOSTILE, country: 'de', amount: 2, ts: '2026-11-01T12:07:30Z' };
  await engine.publish(SUBJECT, [late, next]);
  await rows().getByText(HOSTILE).waitFor();
  await page.getByRole('region', { name: 'Open windows' }).getByText('12:07:00 – 12:08:00Z').waitFor();
  await page.getByText('12:07:28', { exact: true }).waitFor();
  await eventually('the late event is counted', async () => {
    const figures = await page.locator('.figures').innerText();
    // Both windows of the pipeline missed it.
    return /Late events\s+2\s/.test(figures) ? true : undefined;
  });
  expect(await page.locator('main img').count()).toBe(0);
  await accessible(page);
});

it('puts hopping windows together of their steps', async () => {
  await chosen().selectOption('rolling');
  await page.getByText('Below are the steps of 1m').waitFor();
  const windows = page.getByRole('region', { name: 'Open windows' });
  await windows.getByText('12:03:00 – 12:08:00Z').waitFor();
  expect(await windows.locator('tbody tr').count()).toBe(5);
});

it('says how many timers fired, beside the watermark that they wait for', async () => {
  await page.getByRole('link', { name: 'Pipelines' }).click();
  await page.getByRole('region', { name: 'Pipelines', exact: true }).getByRole('link', { name: 'minutes' }).click();
  const times = page.getByRole('region', { name: 'Event time' });
  await times.getByText(/^[\d,]+ fired$/).waitFor();
  await times.getByText('2026-11-01 12:07:30Z').first().waitFor();
  await accessible(page);
});

it('shows the timers that are due next, seen from the watermark', async () => {
  await page.getByRole('link', { name: 'State, timers, vectors' }).click();
  const timers = page.getByRole('region', { name: 'Timers due next' });
  await timers.getByRole('row', { name: /2026-11-01 12:08:00Z, in 30 s count ada / }).waitFor();
  expect(await timers.locator('tr[aria-rowindex]').count()).toBe(1);
  await page.getByText('tailrace timers minutes').waitFor();
  await accessible(page);
});

it('says what joins have put together, and whose rows a window takes', async () => {
  await engine.apply(BOUGHT);
  await engine.publish('dev.events.click', [{ user: 'ada', ts: '2026-11-01T10:00:00Z' }]);
  await engine.publish('dev.events.purchase', [{ buyer: 'ada', ts: '2026-11-01T10:04:00Z' }]);
  await page.getByRole('link', { name: 'Pipelines' }).click();
  await page.getByRole('region', { name: 'Pipelines', exact: true }).getByRole('link', { name: 'bought' }).click();
  await page.getByText('1 pair, 0 events without a partner').waitFor();
  await page.getByRole('link', { name: 'Windows' }).click();
  await page.getByText('1h long, one after the other, of after-click, by user').waitFor();
  await rows().getByText('ada').waitFor();
  const kept = page.getByRole('region', { name: 'Kept events' });
  await kept
    .getByRole('row', { name: /^ada clicks 2026-11-01 10:00:00Z 2026-11-01 10:10:00Z.* has had one / })
    .waitFor();
  await page.getByText('clicks and purchases: pairs, and left events alone').waitFor();
  await accessible(page);
  await page.getByLabel('Only the key').fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing of this key is kept').waitFor();
  await page.getByText('tailrace joins bought after-click --key nobody').waitFor();
  await page.getByRole('button', { name: 'All keys' }).click();
  await kept.getByRole('button', { name: 'ada' }).first().click();
  await page.getByText('tailrace joins bought after-click --key ada').waitFor();
  await kept.getByText('clicks').waitFor();
  await page.getByRole('link', { name: 'Manifest' }).click();
  const flow = page.getByRole('region', { name: 'Flow of the manifest' });
  await flow.getByText('clicks and purchases, after 10m').waitFor();
  await accessible(page);
});

it('warns of times that are most likely of another unit, on every tab', async () => {
  const seconds = Array.from({ length: 200 }, () => ({ user: 'ada', ts: 1_793_527_200 }));
  await engine.publish('dev.events.click', seconds);
  const warning = page.locator('.note.warn').filter({ hasText: 'lie before 2000' });
  await warning.first().waitFor();
  await page.getByRole('link', { name: 'Status' }).click();
  await warning.first().waitFor();
  await accessible(page);
});

it('shows the rows of a table, by what their keys begin with', async () => {
  const stream = JSON.stringify({ subjects: ['dev.users.*'], 'newest-only': true });
  await engine.ask('PUT', '/streams/users', stream);
  await engine.publish('dev.users.ada', [{ tier: 'gold' }]);
  await engine.publish('dev.users.bob', [{ tier: HOSTILE }]);
  await engine.apply(KNOWN);
  await page.getByRole('link', { name: 'Pipelines' }).click();
  await page.getByRole('region', { name: 'Pipelines', exact: true }).getByRole('link', { name: 'known' }).click();
  await page.getByRole('link', { name: 'State, timers, vectors' }).click();
  const table = page.getByRole('region', { name: 'Rows' });
  await table.getByRole('row', { name: /^ada .*gold/ }).waitFor();
  await table.getByText(HOSTILE).waitFor();
  await accessible(page);
  await page.getByLabel('Keys that begin with').fill('a');
  await page.keyboard.press('Tab');
  await table.getByText(HOSTILE).waitFor({ state: 'detached' });
  await page.getByText('tailrace table scan known users --prefix a').waitFor();
  await page.getByLabel('Keys that begin with').fill('nobody');
  await page.keyboard.press('Tab');
  await page.getByText('No row has such a key.').waitFor();
});

it('tells how far a stretch of event time is from the one before, both as the user wishes them', async () => {
  await engine.push('validator');
  await engine.apply(RICH_ORDERS);
  await eventually('the orders are counted', async () =>
    (await engine.processed('orders')) === 202 ? true : undefined,
  );
  await page.getByRole('link', { name: 'Pipelines' }).click();
  await page.getByRole('region', { name: 'Pipelines', exact: true }).getByRole('link', { name: 'orders' }).click();
  await page.getByRole('link', { name: 'Results' }).click();
  await page.getByRole('button', { name: /^Closer.*: amounts$/ }).click();
  const drift = page.getByRole('region', { name: 'Drift of amounts' });
  await drift.getByText('tailrace sketch drift orders amounts --last 6m --base 30m').waitFor();
  await drift.getByLabel('The last').fill('2x');
  await page.keyboard.press('Tab');
  await drift.getByRole('alert').getByText('is not a duration').waitFor();
  await drift.getByLabel('The last').fill('2m');
  await page.keyboard.press('Tab');
  await drift.getByLabel('against the').fill('4m');
  await page.keyboard.press('Tab');
  await drift.getByRole('img', { name: 'Quantiles of amounts, of both stretches' }).waitFor();
  await drift.getByText('They are furthest apart').waitFor();
  await drift.getByText('tailrace sketch drift orders amounts --last 2m --base 4m').waitFor();
  expect(new URL(page.url()).search).toContain('last=2m&base=4m');
  await accessible(page);
  await page.getByRole('button', { name: /^Closer.*: buyers$/ }).click();
  await page
    .getByRole('region', { name: 'Drift of buyers' })
    .getByText(/Jaccard distance/)
    .waitFor();
  expect(new URL(page.url()).search).not.toContain('last=');
});

it('scrolls through ten thousand groups, a page at a time', async () => {
  const entry = (index: number) => ({
    partition: 0,
    events: 1,
    result: {
      window: 'per-minute',
      start: '2026-11-01T12:07:00.000Z',
      end: '2026-11-01T12:08:00.000Z',
      key: `item-${String(index).padStart(5, '0')}`,
      orders: 1,
    },
  });
  await page.route(WINDOWS, async (route) => {
    const from = Number(new URL(route.request().url()).searchParams.get('after') ?? 0);
    const windows = Array.from({ length: 1_000 }, (_, index) => entry(from + index));
    await route.fulfill({ json: { windows, next: String(from + 1_000) } });
  });
  await page.getByRole('link', { name: 'Pipelines' }).click();
  await page.getByRole('region', { name: 'Pipelines', exact: true }).getByRole('link', { name: 'sales' }).click();
  await page.getByRole('link', { name: 'Windows' }).click();
  await page.getByText('These are the first 1,000').waitFor();
  for (let pages = 2; pages <= 10; pages += 1) {
    await page.getByRole('button', { name: 'Show 1,000 more' }).click();
    await page.getByText(`These are the first ${pages},000`).waitFor();
  }
  await page.getByText('Choose a group to see others').waitFor();
  await page.getByRole('region', { name: 'Groups' }).evaluate((region) => region.scrollTo(0, 1e9));
  await rows().getByText('item-09999').waitFor();
  expect(await rows().count()).toBeLessThan(80);
  expect(complaints).toEqual([]);
});
