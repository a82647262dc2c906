// The token: refused in the API's words, never in an address, ended in the middle, too small for a change.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, logIn, open } from './stage/browser';
import { PATIENCE_MS } from './stage/conditions';
import { Engine } from './stage/engine';
import { ORDERS } from './stage/shop';

let engine: Engine;
let browser: Browser;
const HERE = '/console/t/dev/p/orders';
const ENDED = 'not valid any more';

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  await engine.push('validator');
  await engine.apply(ORDERS);
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

describe('a session', () => {
  it('is refused in the words of the API', async () => {
    const { page } = await open(browser, engine, HERE);
    await logIn(page, 'tr_wrong', 'dev');
    await page.getByText('a valid token is needed').waitFor();
    await logIn(page, engine.token, 'other');
    await page.getByRole('alert').getByText('not-found').waitFor();
  });

  it('opens the page whose address was shared, and no address holds the token', async () => {
    const { page } = await open(browser, engine, HERE);
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
    expect(page.url()).toBe(`${engine.url}/console/t/dev/audit`);
    await page.goBack();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    expect(await page.evaluate(() => [sessionStorage.length, document.cookie])).toEqual([0, '']);
  });

  it('is kept by the tab only if its owner wishes, and ends with the logout', async () => {
    const { page } = await open(browser, engine, HERE);
    await page.getByLabel('Keep the token').check();
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.reload();
    await page.getByLabel('Token', { exact: true }).waitFor();
  });

  it('that ends in the middle goes on where it was, with another token', async () => {
    const { token, id } = await engine.newToken('deploy');
    const { page } = await open(browser, engine, HERE);
    await logIn(page, token, 'dev');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await engine.ask('DELETE', `/tokens/${id}`);
    await page.getByText(ENDED).waitFor();
    expect(page.url()).toBe(`${engine.url}${HERE}`);
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
  });

  it('whose token expires goes on where it was, with another token', async () => {
    // On a slow machine a token may have expired before the page is there; then a longer one is taken.
    for (const seconds of [10, 60, 600]) {
      const { token } = await engine.newToken('read', `${seconds}s`);
      const { page } = await open(browser, engine, HERE);
      await logIn(page, token, 'dev');
      const heading = page.getByRole('heading', { name: 'orders' });
      await heading.or(page.getByText('a valid token is needed')).or(page.getByText(ENDED)).first().waitFor();
      if ((await heading.count()) === 0) continue;
      await page.getByText(ENDED).waitFor({ timeout: seconds * 1_000 + PATIENCE_MS });
      expect(page.url()).toBe(`${engine.url}${HERE}`);
      await logIn(page, engine.token, 'dev');
      await heading.waitFor();
      return;
    }
    expect.fail('no token lasted until its page was there');
  });

  it('of a smaller scope is told what a change needs, and sees no tokens', async () => {
    const { token } = await engine.newToken('read');
    const { page } = await open(browser, engine, HERE);
    await logIn(page, token, 'dev');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('needs a token of scope deploy').waitFor();
    await page.getByRole('link', { name: 'Tokens' }).click();
    await page.getByText('needs a token of scope admin').waitFor();
    expect((await engine.status('orders'))['state']).toBe('running');
  });

  it('of a smaller scope publishes no event and makes no stream', async () => {
    const { token } = await engine.newToken('read');
    const { page } = await open(browser, engine, '/console/t/dev/streams');
    await logIn(page, token, 'dev');
    await page.getByLabel('Subjects').fill('dev.other.>');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('needs a token of scope deploy').waitFor();
    await page.getByRole('link', { name: 'First steps' }).click();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('needs a token of scope deploy').waitFor();
    const kept = (await (await engine.ask('GET', '/streams')).json()) as unknown[];
    expect(kept).toEqual([]);
  });

  it('of a tenant sees nothing of other tenants, and nothing of an operator', async () => {
    const { page } = await open(browser, engine, '/console/operator');
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'All tenants' }).waitFor();
    await page.getByRole('alert').first().waitFor();
    expect(await page.getByRole('region', { name: 'Tenants' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'All tenants' }).count()).toBe(0);
  });

  it('of an operator leads from all tenants into one', async () => {
    const { page } = await open(browser, engine, '/console/');
    await logIn(page, engine.operator);
    await page.getByRole('region', { name: 'Tenants' }).getByRole('link', { name: 'dev' }).click();
    await page.getByRole('link', { name: 'orders' }).first().click();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await page.getByRole('link', { name: 'All tenants' }).click();
    await page.getByRole('region', { name: 'Tenants' }).waitFor();
  });

  it('survives an engine that starts again', async () => {
    const { page } = await open(browser, engine, HERE);
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await engine.stop();
    await page.getByText('the engine does not answer').waitFor();
    await engine.run();
    await page.getByText('the engine does not answer').waitFor({ state: 'hidden' });
    await page.getByText('running', { exact: true }).waitFor();
  });
});
