// An operator's story: a tenant is made, gets a token and quotas, and goes again; tokens of operators, and what the
// log tells of all of it.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessible, launch, logIn, open } from './stage/browser';
import { Engine } from './stage/engine';

let engine: Engine;
let browser: Browser;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  ({ page, complaints } = await open(browser, engine, '/console/operator'));
  await logIn(page, engine.operator);
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

const toAll = () => page.getByRole('link', { name: 'All tenants' }).click();
const tenants = () => page.getByRole('region', { name: 'Tenants', exact: true });

it('makes a tenant, and a token for it', async () => {
  const form = page.getByRole('region', { name: 'New tenant' });
  await form.getByLabel('Name').fill('dev');
  await form.getByText('There is a tenant of this name').waitFor();
  await form.getByLabel('Name').fill('shop');
  await form.getByLabel('May write').fill('shop.>, public.shop.*');
  await form.getByRole('button', { name: 'Create' }).click();
  await tenants().getByRole('link', { name: 'shop' }).waitFor();
  await accessible(page);
  await form.getByRole('link', { name: 'a token' }).click();
  await page.getByText('This tenant has no token').waitFor();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('the only time that the token is shown').waitFor();
});

it('sees the engines with their shares, and the streams with their copies', async () => {
  await toAll();
  const engines = page.getByRole('region', { name: 'Engines', exact: true });
  await engines.getByText('answers this page').waitFor();
  expect(await engines.locator('tbody tr').count()).toBe(1);
  await page.getByText('Streams and their copies').click();
  const streams = page.getByRole('region', { name: 'Streams', exact: true });
  await streams.getByRole('row', { name: /^KV_tailrace_registry – 1 / }).waitFor();
  await page.getByText('The broker is one server').waitFor();
  await accessible(page);
  await tenants().getByRole('link', { name: 'shop' }).click();
});

it('changes its quotas, and is told what is no number and no rate', async () => {
  await page.getByRole('link', { name: 'Quotas' }).click();
  await page.getByText('shop.> public.shop.*').waitFor();
  await page.getByRole('button', { name: 'Change' }).click();
  const form = page.getByRole('region', { name: 'Change' });
  expect(await form.getByLabel('plugin-bytes').inputValue()).toBe('4GiB');
  await form.getByLabel('pipelines').fill('many');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByRole('alert').getByText('is no number').waitFor();
  await form.getByLabel('pipelines').fill('7');
  await form.getByLabel('plugin-bytes').fill('2 MiB');
  await form.getByLabel('events').fill('often per 1s');
  await form.getByRole('button', { name: 'Save' }).click();
  await form
    .getByRole('alert')
    .getByText(/often|limit/)
    .waitFor();
  await accessible(page);
  await form.getByLabel('events').fill('100 per 1s');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });
  const quotas = page.getByRole('region', { name: 'Quotas' });
  await quotas.getByRole('row', { name: /^pipelines 0 7 / }).waitFor();
  await quotas.getByText('2.0 MiB').waitFor();
  await page.getByText('events: 100 per 1s').waitFor();
  await page.getByText('shop.> public.shop.*').waitFor();
});

it('deletes it, when it is sure', async () => {
  await toAll();
  await tenants().getByRole('button', { name: 'Delete shop' }).click();
  await tenants().getByRole('button', { name: 'Delete shop with its tokens and plugins' }).click();
  await tenants().getByRole('link', { name: 'shop' }).waitFor({ state: 'detached' });
});

it('makes a token of another operator, whose rights are smaller', async () => {
  await page.getByText("Operators' tokens").click();
  await page.getByLabel('Label').fill('who looks only');
  await page.getByRole('region', { name: 'New token' }).getByRole('button', { name: 'Create' }).click();
  const token = await page.locator('pre.code').filter({ hasText: 'tr_' }).innerText();
  await page.getByText('Audit log of all tenants').click();
  const log = page.getByRole('region', { name: 'Audit log' });
  await log.getByRole('cell', { name: 'tenant-deleted' }).waitFor();
  await accessible(page);
  expect(complaints).toEqual([]);

  const other = await open(browser, engine, '/console/operator');
  await logIn(other.page, token);
  const removal = other.page.getByRole('button', { name: 'Delete dev' });
  await removal.waitFor();
  expect(await removal.isDisabled()).toBe(true);
  expect(await removal.getAttribute('title')).toContain("needs an operator's token of scope admin");
  expect(other.complaints).toEqual([]);
});
