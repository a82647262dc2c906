// The token: refused in the API's words, never in an address, ended in the middle, too small for a change.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, logIn, open } from './stage/browser';
import { eventually, PATIENCE_MS } from './stage/conditions';
import { Engine } from './stage/engine';
import { ORDERS, SUBJECT } from './stage/shop';

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
    await page.getByText('needs a token of scope deploy; this token has read').first().waitFor();
    expect(await page.getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true);
    await page.getByRole('link', { name: 'Tokens' }).click();
    await page.getByText('needs a token of scope admin').first().waitFor();
    expect((await engine.status('orders'))['state']).toBe('running');
  });

  it('of a smaller scope publishes no event and makes no stream', async () => {
    const { token } = await engine.newToken('read');
    const { page } = await open(browser, engine, '/console/t/dev/streams');
    await logIn(page, token, 'dev');
    await page.getByText('needs a token of scope deploy').first().waitFor();
    expect(await page.getByLabel('Subjects').isDisabled()).toBe(true);
    await page.getByRole('link', { name: 'First steps' }).click();
    await page.getByRole('button', { name: 'Publish' }).waitFor();
    expect(await page.getByRole('button', { name: 'Publish' }).isDisabled()).toBe(true);
    expect(await page.getByLabel('Payload').isDisabled()).toBe(true);
    const kept = (await (await engine.ask('GET', '/streams')).json()) as unknown[];
    expect(kept).toEqual([]);
  });

  it('of a tenant sees nothing of other tenants, and nothing of an operator', async () => {
    const { page } = await open(browser, engine, '/console/operator');
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'All tenants' }).waitFor();
    await page.getByText("needs an operator's token").waitFor();
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

  it('of a tenant needs no name of the tenant, and asks for nothing that it may not have', async () => {
    const { page, complaints, unloaded } = await open(browser, engine, '/console/');
    await logIn(page, engine.token);
    await page.getByRole('heading', { name: 'Pipelines' }).waitFor();
    expect(page.url()).toBe(`${engine.url}/console/t/dev`);
    await page.getByRole('link', { name: 'orders' }).first().click();
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    expect([...complaints, ...unloaded]).toEqual([]);
  });

  it.each([
    ['live', 'Waiting for a call', 'region', 'Samples'],
    ['outputs', 'Waiting for a result', 'region', 'Results'],
    ['logs', 'No plugin has logged anything yet', undefined, ''],
  ] as const)('watches %s again when the engine has started again', async (tab, waits, role, name) => {
    const { page } = await open(browser, engine, `${HERE}/${tab}`);
    await logIn(page, engine.token, 'dev');
    await page.getByText(waits).waitFor();
    await engine.stop();
    await page.getByText('Nothing is watched now. The console tries again by itself.').waitFor();
    await page.getByRole('alert').first().waitFor();
    expect(await page.getByText(waits).count()).toBe(0);
    await engine.run();
    await page.getByText('Nothing is watched now').waitFor({ state: 'hidden' });
    await page.getByText(waits).waitFor();
    if (!role) return;
    await eventually('something comes', async () => {
      await engine.publish(SUBJECT, [{ user: 'again', amount: 1 }]);
      return (await page.getByRole(role, { name }).count()) > 0 ? true : undefined;
    });
    await page.context().close();
  });

  it('asks again what is asked once only, where no answer came', async () => {
    const { page } = await open(browser, engine, HERE);
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    const plugins = '**/v1/tenants/dev/plugins';
    await page.route(plugins, (route) => route.abort());
    await page.getByRole('link', { name: 'Plugins' }).click();
    await page.getByText('the engine does not answer').waitFor();
    await page.unroute(plugins);
    await page.getByRole('cell', { name: 'validator@1.0.0', exact: true }).waitFor();
    await page.getByText('the engine does not answer').waitFor({ state: 'hidden' });
    await page.context().close();
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
