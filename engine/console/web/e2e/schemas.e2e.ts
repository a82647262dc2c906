// A schema's story: the first version, one that may not follow and why, another promise, a difference, references,
// and what may not be deleted.
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessible, launch, logIn, open } from './stage/browser';
import { Engine } from './stage/engine';
import { ORDERS, SCHEMAS } from './stage/shop';

const HOSTILE = '<img src=x onerror=alert(1)>';
const ORDER = SCHEMAS[0]?.schema ?? '';
const WITH_NOTE = ORDER.replace(']', ',{"name":"note","type":"string"}]');

let engine: Engine;
let browser: Browser;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  ({ page, complaints } = await open(browser, engine, '/console/t/dev/schemas'));
  await logIn(page, engine.token, 'dev');
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

const form = () => page.getByRole('region', { name: 'Push a version' });
const schema = (name: string) => page.getByRole('region', { name: `Schema ${name}` });

async function write(name: string, format: string, text: string, references = ''): Promise<void> {
  await form().getByLabel('Schema', { exact: true }).fill(name);
  await form().getByRole('combobox', { name: 'Written in' }).selectOption(format);
  await form().getByLabel('Text').fill(text);
  await form().getByLabel('Refers to').fill(references);
}

it('takes a first version, and shows it', async () => {
  await page.getByText('This tenant has no schema').waitFor();
  await write('order', 'avro', '{"type":"recor"}');
  await form().getByRole('button', { name: 'Check' }).click();
  await form().getByRole('alert').getByText('the type recor is not known').waitFor();
  await write('order', 'avro', ORDER);
  await form().getByRole('button', { name: 'Check' }).click();
  await form().getByText('The version may follow').waitFor();
  await page.getByText('This tenant has no schema').waitFor();
  await form().getByRole('button', { name: 'Push', exact: true }).click();
  await form().getByText('order has version 1.').waitFor();
  await schema('order').getByText('"long"').waitFor();
  await form().getByRole('button', { name: 'Push', exact: true }).click();
  await form().getByText('This is version 1 of order already.').waitFor();
  await accessible(page);
});

it('says why a version may not follow, and pushes it under another promise', async () => {
  await write('order', 'avro', WITH_NOTE);
  await form().getByRole('button', { name: 'Push', exact: true }).click();
  const verdict = form().getByRole('alert');
  await verdict.getByText('The new version cannot read version 1').waitFor();
  await verdict.getByText('/fields/1', { exact: true }).waitFor();
  await verdict.getByText('READER_FIELD_MISSING_DEFAULT_VALUE').waitFor();
  await accessible(page);
  await schema('order').getByRole('combobox', { name: 'New versions are compared by' }).selectOption('forward');
  await schema('order').getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByRole('region', { name: 'Schemas', exact: true }).getByText('forward').waitFor();
  await form().getByRole('button', { name: 'Push', exact: true }).click();
  await form().getByText('order has version 2.').waitFor();
});

it('shows the difference of two versions, with an address to share', async () => {
  await schema('order').getByRole('heading', { name: 'Version 2' }).waitFor();
  await schema('order').getByRole('combobox', { name: 'Compared with' }).selectOption('version 1');
  await schema('order')
    .getByText(/^\+ +"name": "note"/)
    .waitFor();
  expect(new URL(page.url()).search).toBe('?schema=order&against=1');
  await schema('order').getByRole('button', { name: 'Delete version 2' }).click();
  await schema('order').getByRole('button', { name: 'Delete version 2' }).click();
  await schema('order').getByRole('heading', { name: 'Version 1' }).waitFor();
});

it('says which pipelines use which version, and where', async () => {
  await schema('order').getByText('Nothing uses this schema').waitFor();
  await engine.push('validator');
  await engine.apply(ORDERS.replace('  key:', '  schema: { name: order, version: 1 }\n  key:'));
  await page.getByRole('region', { name: 'Schemas', exact: true }).getByRole('button', { name: 'order' }).click();
  await page.reload();
  await logIn(page, engine.token, 'dev');
  const uses = schema('order').getByRole('region', { name: 'Used by' });
  await uses.getByRole('row', { name: 'orders 1 input.schema of revision 1' }).waitFor();
  await accessible(page);
  await schema('order').getByRole('button', { name: 'Delete version 1' }).click();
  await schema('order').getByRole('button', { name: 'Delete version 1' }).click();
  await schema('order')
    .getByRole('alert')
    .getByText('revision 1 of pipeline orders names it at input.schema')
    .waitFor();
});

it('keeps what another one refers to, and shows markup as text', async () => {
  await write('address', 'json-schema', `{"title":"${HOSTILE}","type":"object"}`);
  await form().getByRole('button', { name: 'Push', exact: true }).click();
  await schema('address').getByText(HOSTILE).waitFor();
  await write('person', 'json-schema', '{"properties":{"home":{"$ref":"address.json"}}}', 'address.json');
  await form().getByRole('button', { name: 'Check' }).click();
  await form().getByRole('alert').getByText('is no reference').waitFor();
  await form().getByLabel('Refers to').fill('address.json=address:1');
  await form().getByRole('button', { name: 'Push', exact: true }).click();
  await schema('person').getByText('which is version 1 of address').waitFor();
  await page.getByRole('region', { name: 'Schemas', exact: true }).getByRole('button', { name: 'address' }).click();
  await schema('address').getByRole('button', { name: 'Delete the schema address' }).click();
  await schema('address').getByRole('button', { name: 'Delete address with its versions' }).click();
  await schema('address').getByRole('alert').getByText('person refers to it').waitFor();
  expect(await page.locator('main img').count()).toBe(0);
  expect(complaints).toEqual([]);
});

it('takes a file, and begins a version with another one', async () => {
  const proto = 'syntax = "proto3";\nmessage Cart { string id = 1; } // of a shop\n';
  await form()
    .getByLabel('From a file')
    .setInputFiles({ name: 'Cart.proto', mimeType: 'text/plain', buffer: Buffer.from(proto) });
  await form().getByLabel('Schema', { exact: true }).fill('cart');
  await form().getByLabel('Refers to').fill('');
  await form().getByRole('button', { name: 'Push', exact: true }).click();
  await schema('cart').getByText('// of a shop').waitFor();
  const saving = page.waitForEvent('download');
  await schema('cart').getByRole('button', { name: 'Save' }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe('cart-1.proto');
  expect(readFileSync(await saved.path(), 'utf8')).toBe(proto);
  await accessible(page);
  await page.getByRole('region', { name: 'Schemas', exact: true }).getByRole('button', { name: 'order' }).click();
  await schema('order').getByRole('button', { name: 'Change it' }).click();
  expect(await form().getByLabel('Text').inputValue()).toBe(ORDER);
  expect(complaints).toEqual([]);
});
