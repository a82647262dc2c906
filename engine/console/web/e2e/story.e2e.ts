// A tenant's story: nothing yet, then a pipeline, events, an event that is markup, its redrive, pause and resume,
// all of it by keyboard where that is promised.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessible, launch, logIn, open, type Opened } from './stage/browser';
import { join } from 'node:path';
import { eventually } from './stage/conditions';
import { Engine } from './stage/engine';
import { PLUGINS } from './stage/needs';
import { ORDERS, SUBJECT } from './stage/shop';

const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>';
const ESCAPES = '\u001b[31mred\u202e';

let engine: Engine;
let browser: Browser;
let opened: Opened;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  opened = await open(browser, engine, '/console/');
  page = opened.page;
  await logIn(page, engine.token, 'dev');
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

describe('a tenant', () => {
  it('is told what to do first', async () => {
    await page.getByText('This tenant has no pipeline yet').waitFor();
    expect(page.url()).toBe(`${engine.url}/console/t/dev`);
  });

  it('uploads a plugin and tries it with an event', async () => {
    await page.getByRole('link', { name: 'Plugins' }).click();
    await page.getByLabel(/drop its file here/).setInputFiles(join(PLUGINS(), 'validator.wasm'));
    await page.getByLabel(/^Config/).fill('{"schema":{"unknown":"keep","fields":{"user":{"type":"text"}}}}');
    await page.getByLabel(/^Payload/).fill('{"user":"ada"}');
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('validator@1.0.0 is there').waitFor();
    await page.getByText('"verdict"').waitFor();
    await page.getByRole('link', { name: 'Pipelines' }).click();
  });

  it('sees a pipeline and its flow as soon as there is one', async () => {
    await engine.apply(ORDERS);
    await page
      .getByRole('region', { name: 'Pipelines', exact: true })
      .getByRole('link', { name: 'orders' })
      .waitFor();
    await page.getByLabel('Flow', { exact: true }).getByText('dev.events.>', { exact: true }).waitFor();
  });

  it('pauses and resumes it', async () => {
    await page.getByRole('button', { name: 'Pause orders' }).click();
    await page.getByRole('button', { name: 'Resume orders' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByRole('button', { name: 'Pause orders' }).waitFor();
    await eventually('it runs', async () =>
      (await engine.status('orders'))['state'] === 'running' ? true : undefined,
    );
  });

  it('sees markup and escape sequences as text', async () => {
    await engine.publish(SUBJECT, [
      { user: 'ada', amount: 3 },
      { user: HOSTILE, amount: HOSTILE, note: ESCAPES },
    ]);
    await page
      .getByRole('region', { name: 'Pipelines', exact: true })
      .getByRole('link', { name: 'orders' })
      .click();
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByText('wrong-type').first().waitFor();
    await page.getByRole('region', { name: 'Dead letters' }).getByRole('button').click();
    const letter = page.getByRole('region', { name: /^Dead letter \d/ });
    await letter.getByText(HOSTILE, { exact: true }).waitFor();
    expect(await letter.innerText()).not.toContain('\u001b');
    expect(opened.complaints).toEqual([]);
    expect(await page.locator('main img, main script').count()).toBe(0);
  });

  it('watches an event as a step makes it', async () => {
    await page.getByRole('link', { name: 'Live' }).click();
    await page.getByText('Waiting for a call').waitFor();
    await page.getByRole('button', { name: 'Publish an event' }).click();
    const form = page.getByRole('region', { name: 'Publish an event' });
    await form.getByLabel('Subject').waitFor();
    await form.getByLabel('Payload').fill('{ "user": "page", "amount": 2 }');
    await form.getByRole('button', { name: 'Publish' }).click();
    await form.getByText(/^Stored in DEV at /).waitFor();
    await eventually('a sample comes', async () => {
      await engine.publish(SUBJECT, [{ user: 'live', amount: 1 }]);
      return (await page.getByRole('region', { name: 'Samples' }).count()) > 0 ? true : undefined;
    });
    await page.getByRole('region', { name: 'Samples' }).getByRole('button').first().click();
    await page.getByText('it goes on as it came').waitFor();
    await page.getByRole('button', { name: 'Copy as a test case' }).waitFor();
    await page.goBack();
    await page.getByRole('region', { name: /^Dead letter \d/ }).waitFor();
  });

  it('sends the letter again when the rule is mended', async () => {
    await engine.apply(ORDERS.replace('{ type: number, required: true, min: 0 }', '{ type: text }'));
    await eventually('the revision runs', async () =>
      (await engine.status('orders'))['revision'] === 2 ? true : undefined,
    );
    await page
      .getByRole('region', { name: /^Dead letter \d/ })
      .getByRole('button', { name: 'Redrive' })
      .click();
    await eventually('it was processed', async () => {
      const { stats } = (await engine.status('orders')) as { stats: { counts: { forwarded: number } } };
      return stats.counts.forwarded >= 2 ? true : undefined;
    });
    expect(opened.complaints).toEqual([]);
  });

  it('writes a manifest, is told its mistakes at their places, and applies it', async () => {
    await page.getByRole('link', { name: 'New pipeline' }).click();
    const write = async (text: string) => {
      await page.getByRole('textbox', { name: 'Manifest' }).click();
      await page.keyboard.press('Control+a');
      // Chromium itself would keep the colour of what is written over, in a style that the policy refuses.
      await page.keyboard.press('Delete');
      await page.keyboard.insertText(text);
    };
    const second = ORDERS.replaceAll('orders', 'second');
    await write(second.replace('partitions', 'partition'));
    await page.getByRole('list', { name: 'Mistakes' }).getByText('there is no field partition here').waitFor();
    await write(second.replace('1.0.0', '9.9.9'));
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByRole('alert').getByText('9.9.9').first().waitFor();
    await write(second);
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await page.getByText('The manifest is good: it would be revision 1.').waitFor();
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByRole('heading', { name: 'second' }).waitFor();
    expect(page.url()).toBe(`${engine.url}/console/t/dev/p/second`);
    expect(opened.complaints).toEqual([]);
  });

  it('compares a shadow, promotes it, sees the difference and rolls back', async () => {
    await page.getByRole('link', { name: 'Manifest' }).click();
    await page.getByLabel('Take effect').selectOption('As a shadow');
    await page.getByRole('textbox', { name: 'Manifest' }).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await page.keyboard.insertText(ORDERS.replaceAll('orders', 'second').replace('min: 0', 'min: 7'));
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    const foreseen = page.getByRole('region', { name: 'Changes' });
    await foreseen.getByText('/steps/0/config/schema/fields/amount/min').waitFor();
    await foreseen.getByRole('cell', { name: '7', exact: true }).waitFor();
    await accessible(page);
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Revision 2 runs as a candidate').waitFor();
    await page.getByRole('link', { name: 'Revisions' }).click();
    const difference = page.getByRole('region', { name: 'Difference' });
    await difference.getByText('+ min: 7').waitFor();
    await eventually('a difference is found', async () => {
      await engine.publish(SUBJECT, [{ user: 'ada', amount: 5 }]);
      return (await page.getByText('these came out differently').count()) > 0 ? true : undefined;
    });
    await page.getByRole('button', { name: 'Promote' }).click();
    await page.getByText('Revision 2 is the active one').waitFor();
    await page.getByRole('button', { name: 'Roll back to 1' }).click();
    await page.getByText('Revision 3 is the active one').waitFor();
    const { id } = (await (await engine.ask('GET', '/tokens')).json()).at(0) as { id: string };
    const revisions = page.getByRole('region', { name: 'Revisions' });
    await revisions.getByRole('cell', { name: id }).nth(2).waitFor();
    expect(opened.complaints).toEqual([]);
  });

  it('gives a canary a share of the keys, and abandons it', async () => {
    await page.getByRole('link', { name: 'Manifest' }).click();
    await page.getByLabel('Take effect').selectOption('As a canary');
    await page.getByLabel('Share of keys').fill('25%');
    await page.getByRole('textbox', { name: 'Manifest' }).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await page.keyboard.insertText(ORDERS.replaceAll('orders', 'second').replace('min: 0', 'min: 9'));
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Revision 4 runs as a candidate').waitFor();
    await page.getByRole('link', { name: 'Revisions' }).click();
    const candidate = page.getByRole('region', { name: 'Candidate' });
    await candidate.getByText('for 25 % of the keys').waitFor();
    await accessible(page);
    await candidate.getByRole('button', { name: 'Abandon' }).click();
    await page.getByText('The last candidate was revision 4').waitFor();
    expect((await engine.status('second'))['active_revision']).toBe(3);
    expect(opened.complaints).toEqual([]);
  });

  it('deletes what it has no use for, when it is sure', async () => {
    await page.getByRole('link', { name: 'Manifest' }).click();
    await page.getByRole('button', { name: 'Delete this pipeline second' }).click();
    await page.getByRole('button', { name: 'Keep second' }).click();
    await page.getByRole('button', { name: 'Delete this pipeline second' }).click();
    await page.getByRole('button', { name: 'Delete second with its state and its outputs' }).click();
    const list = page.getByRole('region', { name: 'Pipelines', exact: true });
    await list.getByRole('link', { name: 'orders' }).waitFor();
    await list.getByRole('link', { name: 'second' }).waitFor({ state: 'detached' });
    expect(opened.complaints).toEqual([]);
  });

  it('goes anywhere by keyboard', async () => {
    await page.locator('h1').click();
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
    await page.keyboard.press('/');
    await page.getByRole('combobox').fill('order');
    await page.getByRole('option', { name: /orders/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'orders' }).waitFor();
    await page.keyboard.press('/');
    await page.getByRole('combobox').fill('validator');
    await page.getByRole('option', { name: 'validator@1.0.0 plugin' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Plugins' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('audit log').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });
});
