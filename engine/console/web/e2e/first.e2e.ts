// A newcomer's way through the first steps, in the browser alone, and what the pages make of hostile logs and
// manifests on it.
import type { Browser, Locator } from 'playwright-core';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessible, launch, logIn, open, type Opened } from './stage/browser';
import { eventually } from './stage/conditions';
import { Engine } from './stage/engine';
import { PICTURES, PLUGINS } from './stage/needs';
import { CHAT, CHATTY, orders } from './stage/shop';

const HOSTILE = '<img src=x onerror=alert(1)>';
/** Clears a terminal, names its window, and turns the direction of writing. */
const ESCAPES = '\u001b[2J\u001b]0;owned\u0007 \u202etxet';

let engine: Engine;
let browser: Browser;
let opened: Opened;

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  opened = await open(browser, engine, '/console/t/dev/first-steps');
  await logIn(opened.page, engine.token, 'dev');
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

function step(title: string): Locator {
  const heading = opened.page.getByRole('heading', { name: new RegExp(`^${title}\\b`) });
  return opened.page.getByRole('listitem').filter({ has: heading });
}

it('begins with a plugin, which is uploaded on the page', async () => {
  const { page } = opened;
  await step('A plugin')
    .getByLabel(/drop its file here/)
    .setInputFiles(join(PLUGINS(), 'validator.wasm'));
  await accessible(page);
  await page.getByRole('button', { name: 'Upload' }).click();
  await step('A plugin').getByText('validator@1.0.0').waitFor();
});

it('goes on with a pipeline within what the tenant may read', async () => {
  const { page } = opened;
  expect(await page.getByLabel('Reads').inputValue()).toBe('dev.events.>');
  await page.getByText('plugin: "validator@1.0.0"').waitFor();
  await accessible(page);
  await page.getByRole('button', { name: 'Apply this manifest' }).click();
  await step('A pipeline').getByText('It is called first').waitFor();
});

it('sees its first events come out, and the wrong one kept', async () => {
  const { page } = opened;
  const events = step('Events');
  expect(await events.getByLabel('Subject').inputValue()).toBe('dev.events.example');
  await accessible(page);
  await events.getByRole('button', { name: 'Publish' }).click();
  await events.getByText(/^Stored in DEV at /).waitFor();
  await events.getByRole('button', { name: 'take a wrong one' }).click();
  await events.getByRole('button', { name: 'Publish' }).click();
  const outcome = step('Results').getByRole('status');
  await outcome.getByText('2', { exact: true }).waitFor();
  await page.getByRole('heading', { name: /^Results.*done/ }).waitFor();
  await accessible(page);
});

it('mends the wrong one, and reads what came out', async () => {
  const { page, complaints } = opened;
  await step('Results').getByRole('link', { name: 'Dead letters' }).click();
  await page.getByText('out-of-range').first().waitFor();
  await page.getByRole('region', { name: 'Dead letters' }).getByRole('button').click();
  await page.getByRole('button', { name: 'Mend' }).click();
  const mend = page.getByRole('region', { name: 'Mend' });
  await mend.getByLabel('Payload').fill(`{ "user": "ada", "amount": 1, "note": "${HOSTILE.replaceAll('"', '')}" }`);
  await mend.getByText('"amount": 1').last().waitFor();
  await accessible(page);
  await mend.getByRole('button', { name: 'Publish' }).click();
  await mend.getByText(/^Stored in DEV at /).waitFor();
  await page.getByRole('link', { name: 'Outputs' }).click();
  await page.getByText('Waiting for a result').waitFor();
  await page.getByRole('button', { name: 'Read from the first on' }).click();
  const results = page.getByRole('region', { name: 'Results' });
  await results.getByText(HOSTILE).waitFor();
  await results.getByRole('button').first().click();
  await accessible(page);
  expect(await page.locator('main img').count()).toBe(0);
  expect(complaints).toEqual([]);
});

it('makes a stream where none holds what a pipeline is to read', async () => {
  const { page } = opened;
  await page.getByRole('link', { name: 'Streams' }).click();
  await page.getByText('This tenant has made no stream').waitFor();
  await page.getByLabel('Subjects').fill('dev.other.>');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('region', { name: 'Streams' }).getByText('dev.other.>').waitFor();
  await accessible(page);
  await page.getByLabel('Name').fill('all');
  await page.getByLabel('Takes in').fill('DEV=dev.events.>');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('region', { name: 'Streams' }).getByText('DEV=dev.events.>').waitFor();
  await page.getByRole('button', { name: 'Delete all' }).click();
  await page.getByRole('button', { name: 'Delete with its events' }).click();
  await page.getByRole('button', { name: 'Delete all' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Delete events' }).click();
  await page.getByRole('button', { name: 'Delete with its events' }).click();
  await page.getByText('This tenant has made no stream').waitFor();
});

it('downloads a plugin as the engine runs it', async () => {
  const { page } = opened;
  await page.getByRole('link', { name: 'Plugins' }).click();
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download validator@1.0.0' }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe('validator-1.0.0.wasm');
  const described = await (await engine.ask('GET', '/plugins/validator/versions/1.0.0')).json();
  const bytes = readFileSync(await saved.path());
  expect(createHash('sha256').update(bytes).digest('hex')).toBe((described as { digest: string }).digest);
  // One that a pipeline names stays, and it is said which; one that none names goes.
  await page.getByRole('button', { name: 'Delete validator@1.0.0' }).click();
  await page.getByRole('button', { name: 'Delete for good' }).click();
  await page
    .getByRole('alert')
    .getByText(/validator@1.0.0/)
    .first()
    .waitFor();
});

it('reads log lines that are markup or escape sequences as text, and filters lines', async () => {
  const { page, complaints } = opened;
  await engine.push('examples/chatty');
  await engine.apply(CHATTY);
  await engine.publish(CHAT, [HOSTILE, 'second line', ESCAPES]);
  await page.goto(`${engine.url}/console/t/dev/p/chatty/logs`);
  await logIn(page, engine.token, 'dev');
  const lines = page.getByRole('region', { name: 'Lines' });
  await lines.getByText(HOSTILE).waitFor();
  await lines.getByText('\\u{1b}[2J\\u{1b}]0;owned\\u{7} \\u{202e}txet').waitFor();
  expect(await lines.innerText()).not.toMatch(/[\u001b\u0007\u202e]/);
  await page.getByLabel('Filter by text').fill('second');
  await lines.getByText(HOSTILE).waitFor({ state: 'detached' });
  await lines.getByText('second line').waitFor();
  await page.getByLabel('At least').selectOption('error');
  await page.getByText('None of the 3 lines passes the filter').waitFor();
  expect(await page.locator('main img').count()).toBe(0);
  expect(complaints).toEqual([]);
});

it('sees a hostile manifest as text in its flow, with the mistakes at their boxes', async () => {
  const { page, complaints } = opened;
  await page.getByRole('link', { name: 'New pipeline' }).click();
  await page.getByRole('textbox', { name: 'Manifest' }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(
    `name: x\ninput:\n  subjects: ["${HOSTILE}"]\nsteps:\n  - name: one\n    plugin: gone@1.0.0\n`,
  );
  const flow = page.getByRole('region', { name: 'Flow of the manifest' });
  await flow.getByText(HOSTILE).waitFor();
  await flow.getByText('no plugin gone@1.0.0 was uploaded').waitFor();
  await accessible(page);
  await flow.getByRole('button', { name: /^step one/ }).click();
  await page.keyboard.insertText('validator@1.0.0 #');
  await flow.getByText('validator@1.0.0').waitFor();
  await flow.getByText('was uploaded').waitFor({ state: 'detached' });
  // The next test leaves the page, which would ask.
  await page.getByRole('button', { name: 'Discard what was typed for the manifest' }).click();
  expect(await page.locator('main img').count()).toBe(0);
  expect(complaints).toEqual([]);
});

it('shows a vector by its id', async () => {
  const { page, complaints } = opened;
  await engine.push('embedding-updater');
  await engine.apply(`name: tastes
input:
  subjects: ["dev.events.taste"]
  key: { json: /user }
steps:
  - name: embed
    plugin: embedding-updater@1.0.0
    grants: [state, vectors]
vectors:
  users: { dimensions: 32 }
  items: { dimensions: 32 }
`);
  await engine.publish('dev.events.taste', orders(38));
  await eventually('the tastes are learned', async () =>
    (await engine.processed('tastes')) === 38 ? true : undefined,
  );
  await page.goto(`${engine.url}/console/t/dev/p/tastes/state`);
  await logIn(page, engine.token, 'dev');
  await page.getByLabel('Collection').selectOption('users');
  await page.getByLabel('Id', { exact: true }).fill('nobody');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Id', { exact: true }).fill('user-1');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByRole('img', { name: 'The 32 numbers of user-1' }).waitFor();
  const comparison = page.getByRole('region', { name: 'Comparison' });
  await page.getByRole('button', { name: 'Draw a map of the collection' }).click();
  await page.getByRole('img', { name: /^A map of \d+ vectors$/ }).waitFor();
  if (PICTURES()) await page.screenshot({ path: join(PICTURES() ?? '', 'map.png'), fullPage: true });
  const listed = page.getByRole('region', { name: 'Vectors of the collection' });
  await listed.getByRole('button', { name: 'user-0', exact: true }).click();
  await page.getByRole('img', { name: 'The 32 numbers of user-0' }).waitFor();
  expect(new URL(page.url()).search).toContain('id=user-0');
  await accessible(page);
  await comparison.getByRole('combobox', { name: 'Of the collection' }).selectOption('items');
  await comparison.getByLabel('Their ids').fill('nothing, tea coffee');
  await comparison.getByRole('button', { name: 'Compare' }).click();
  const nearest = comparison.getByRole('region', { name: 'Nearest first' });
  await nearest.getByRole('row', { name: 'nothing no vector' }).waitFor();
  expect(await nearest.locator('tbody tr').count()).toBe(3);
  await accessible(page);
  await nearest.getByRole('button', { name: 'coffee' }).click();
  await page.getByRole('img', { name: 'The 32 numbers of coffee' }).waitFor();
  await accessible(page);
  // State goes by its prefix, in the words of what is lost, and the page tells how far it is.
  await page.getByLabel('Prefix').fill('item/');
  await page.getByLabel('Prefix').press('Enter');
  await page.getByRole('button', { name: 'Delete what begins with the prefix' }).click();
  await page.getByRole('button', { name: 'Delete item/… for good' }).click();
  await page.getByText(/^[1-9]\d* entries deleted$/).waitFor();
  await page.getByText('No key begins with this').waitFor();
  expect(complaints).toEqual([]);
});
