// The access matrix through the browser: on every page, with every kind of token, the browser asks with that token
// alone, and nothing is shown that the API would not give to it. What is a secret of tenant `dev` bears a mark in its
// name, so that it is found wherever it shows.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, logIn, open } from './stage/browser';
import { Engine } from './stage/engine';
import { ORDERS, SCHEMAS, SUBJECT } from './stage/shop';

const MARK = 'hush';
const PIPELINE = `${MARK}-orders`;
const SCHEMA = `${MARK}-schema`;
const OF_PIPELINE = [
  '',
  '/dead-letters',
  '/manifest',
  '/revisions',
  '/live',
  '/logs',
  '/outputs?from=first',
  '/results',
  '/windows',
  '/state',
];
const OF_TENANT = [
  '',
  '/first-steps',
  '/new',
  '/plugins',
  '/streams',
  '/schemas',
  `/schemas?schema=${SCHEMA}`,
  '/alarms',
  '/tokens',
  '/quotas',
  '/audit',
  ...OF_PIPELINE.map((tab) => `/p/${PIPELINE}${tab}`),
];
/** Pages that need a greater scope than reading. */
const OF_ADMINS = ['/tokens'];

let engine: Engine;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  await engine.push('validator');
  await engine.apply(ORDERS.replace('name: orders', `name: ${PIPELINE}`));
  await engine.ask('POST', `/schemas/${SCHEMA}/versions`, JSON.stringify(SCHEMAS[0]));
  await engine.ask('PUT', `/streams/${MARK}-stream`, JSON.stringify({ subjects: [`dev.${MARK}.>`] }));
  await engine.publish(SUBJECT, [{ user: MARK, amount: -1 }]);
  const grants = JSON.stringify({ read: ['shop.>'], write: ['shop.>'] });
  await engine.askAs(engine.operator, 'PUT', '/v1/tenants/shop', grants);
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

interface Asked {
  path: string;
  status: number;
}

/** What a page has asked the API and what it was answered. Fails where it asks with another token than this. */
function watch(page: Page, token: () => string): Asked[] {
  const asked: Asked[] = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.startsWith('/v1/')) return;
    expect(response.request().headers()['authorization']).toBe(`Bearer ${token()}`);
    expect(response.url()).not.toContain(token());
    asked.push({ path: pathname, status: response.status() });
  });
  return asked;
}

const isGiven = ({ status }: Asked) => status < 300;

/** Waits until a page has asked all that it asks at its beginning, and was answered. */
async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[aria-busy="true"]').length === 0);
}

/** In the text, in what is hidden, in labels and in addresses. What the user's own address names is no secret. */
async function tells(page: Page, what: string): Promise<string[]> {
  return page.evaluate((what) => {
    const here = location.pathname + location.search;
    const found = document.body.innerHTML.replaceAll(here, '').split(what);
    return found.slice(1).map((after, index) => `…${found[index]?.slice(-60) ?? ''}${what}${after.slice(0, 60)}…`);
  }, what);
}

async function another(tenant: string): Promise<string> {
  const made = await engine.askAs(engine.operator, 'POST', `/v1/tenants/${tenant}/tokens`, '{}');
  return ((await made.json()) as { token: string }).token;
}

describe('a token of another tenant', () => {
  it('is not let in at any address of this tenant', async () => {
    const token = await another('shop');
    const { page } = await open(browser, engine, `/console/t/dev/p/${PIPELINE}`);
    const asked = watch(page, () => token);
    await logIn(page, token, 'dev');
    await page.getByRole('alert').getByText('not-found').waitFor();
    expect(asked.filter(isGiven).map(({ path }) => path)).toEqual(['/v1/whoami']);
    await page.context().close();
  });

  it('that is let in at home gets nothing at the addresses of this tenant', async () => {
    const token = await another('shop');
    const { page } = await open(browser, engine, '/console/t/shop');
    const asked = watch(page, () => token);
    await page.getByLabel('Keep the token').check();
    await logIn(page, token, 'shop');
    await page.getByText('This tenant has no pipeline yet').waitFor();
    for (const path of OF_TENANT) {
      await page.goto(`${engine.url}/console/t/dev${path}`);
      await settled(page);
      const ofDev = asked.filter(({ path: route }) => route.startsWith('/v1/tenants/dev'));
      expect(ofDev.filter(isGiven)).toEqual([]);
      const shown = (await tells(page, MARK)).filter((found) => !isOfAddress(found, path));
      expect(shown, path).toEqual([]);
    }
    await page.context().close();
  });
});

/** The name of a pipeline or schema that the address itself names stands in headings, links and hints. */
function isOfAddress(found: string, path: string): boolean {
  return [PIPELINE, SCHEMA].some((name) => path.includes(name) && found.includes(name));
}

describe('a token that reads', () => {
  it('sees each page of its tenant, and is refused what needs more', async () => {
    const { token } = await engine.newToken('read');
    const { page, complaints, unloaded } = await open(browser, engine, '/console/t/dev');
    const asked = watch(page, () => token);
    await page.getByLabel('Keep the token').check();
    await logIn(page, token, 'dev');
    await page.getByRole('heading', { name: 'Pipelines' }).waitFor();
    for (const path of OF_TENANT) {
      asked.length = 0;
      await page.goto(`${engine.url}/console/t/dev${path}`);
      await settled(page);
      if (OF_ADMINS.includes(path)) {
        await page.getByText('needs a token of scope admin').first().waitFor();
        expect(asked.filter(({ path: route }) => route.includes('/tokens'))).toEqual([]);
      }
      // All that it asked it was given: it asks for nothing that it may not have.
      expect(
        asked.filter((one) => !isGiven(one)),
        path,
      ).toEqual([]);
    }
    expect([...complaints, ...unloaded]).toEqual([]);
    await page.context().close();
  });
});

describe('an operator who may only look', () => {
  it('sees every page, and changes nothing', async () => {
    const wish = JSON.stringify({ scope: 'read' });
    const made = await engine.askAs(engine.operator, 'POST', '/v1/operator/tokens', wish);
    const { token } = (await made.json()) as { token: string };
    const { page } = await open(browser, engine, '/console/operator');
    watch(page, () => token);
    await page.getByLabel('Keep the token').check();
    await logIn(page, token);
    await page.getByRole('region', { name: 'Tenants', exact: true }).getByRole('link', { name: 'dev' }).waitFor();
    await page.getByText("Operators' tokens").click();
    await page.getByText("needs an operator's token of scope admin").first().waitFor();
    await page.goto(`${engine.url}/console/t/dev/p/${PIPELINE}`);
    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.waitFor();
    // Not even a press that reaches the page does anything.
    await pause.dispatchEvent('click');
    expect(await pause.isDisabled()).toBe(true);
    expect((await engine.status(PIPELINE))['state']).toBe('running');
    await page.context().close();
  });
});

describe('one tab with two tokens, one after the other', () => {
  it('shows and asks nothing of the first one to the second', async () => {
    let token = engine.token;
    const { page } = await open(browser, engine, '/console/t/dev');
    const asked = watch(page, () => token);
    await page.getByLabel('Keep the token').check();
    await logIn(page, token, 'dev');
    await page.getByRole('link', { name: PIPELINE }).first().waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token', { exact: true }).waitFor();
    expect(await tells(page, MARK)).toEqual([]);
    token = await another('shop');
    asked.length = 0;
    await page.goto(`${engine.url}/console/`);
    await logIn(page, token, 'shop');
    await page.getByText('This tenant has no pipeline yet').waitFor();
    await page.keyboard.press('/');
    await page.getByRole('combobox').fill(MARK);
    await page.getByText(/Nothing/).waitFor();
    await page.keyboard.press('Escape');
    expect(await tells(page, MARK)).toEqual([]);
    expect(asked.filter(({ path }) => path.startsWith('/v1/tenants/dev'))).toEqual([]);
    await page.context().close();
  });
});
