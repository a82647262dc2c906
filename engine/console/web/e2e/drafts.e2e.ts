// What is typed and not saved yet: it outlives the token, another tab of the page and a token that is kept; it is asked
// for before the page goes; and it is not lost to a revision that came meanwhile.
import { join } from 'node:path';
import type { Browser, Dialog, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessible, launch, logIn, open } from './stage/browser';
import { Engine } from './stage/engine';
import { PLUGINS } from './stage/needs';
import { ORDERS, SUBJECT } from './stage/shop';

const MANIFEST = '/console/t/dev/p/orders/manifest';
const ENDED = 'not valid any more';
const MINE = '# mine';

let engine: Engine;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  await engine.push('validator');
  await engine.apply(ORDERS);
  await engine.publish(SUBJECT, [{ user: 'ada', amount: -1 }]);
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

/** Writes at the beginning of the manifest, which is in view. */
async function type(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Manifest' }).click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.insertText(`${text}\n`);
}

const written = (page: Page) => page.getByRole('textbox', { name: 'Manifest' }).innerText();

/** A page at this path whose token can be ended. */
async function opened(path: string, keep = false) {
  const { token, id } = await engine.newToken('deploy');
  const { page, complaints } = await open(browser, engine, path);
  if (keep) await page.getByLabel('Keep the token').check();
  await logIn(page, token, 'dev');
  const end = async () => {
    await engine.ask('DELETE', `/tokens/${id}`);
    await page.getByText(ENDED).waitFor();
  };
  return { page, complaints, end };
}

describe('a manifest that is typed', () => {
  it('is there after another tab, and after the token has ended, with another one', async () => {
    const { page, complaints, end } = await opened(MANIFEST);
    await type(page, MINE);
    await page.getByText('Not saved yet').waitFor();
    await page.getByRole('link', { name: 'Revisions' }).click();
    await page.getByRole('region', { name: 'Revisions' }).waitFor();
    await page.getByRole('link', { name: 'Manifest' }).click();
    await page.getByText('Not saved yet').waitFor();
    expect(await written(page)).toContain(MINE);
    await end();
    await logIn(page, engine.token, 'dev');
    await page.getByText('Not saved yet').waitFor();
    expect(await written(page)).toContain(MINE);
    await accessible(page);
    await page.getByRole('button', { name: 'Discard what was typed for the manifest' }).click();
    await page.getByText('Not saved yet').waitFor({ state: 'hidden' });
    expect(await written(page)).not.toContain(MINE);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('is asked for before the page goes, and not any more when it is discarded', async () => {
    const { page } = await opened(MANIFEST);
    await type(page, MINE);
    await page.getByText('Not saved yet').waitFor();
    const asking = page.waitForEvent('dialog');
    await page.evaluate(() => setTimeout(() => location.reload()));
    const dialog: Dialog = await asking;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    expect(await written(page)).toContain(MINE);
    await page.getByRole('button', { name: 'Discard what was typed for the manifest' }).click();
    await page.getByText('Not saved yet').waitFor({ state: 'hidden' });
    let asked = 0;
    page.on('dialog', (other) => {
      asked += 1;
      void other.accept();
    });
    await page.reload();
    await page.getByLabel('Token', { exact: true }).waitFor();
    expect(asked).toBe(0);
    await page.context().close();
  });

  it('is in the tab with a token that is kept there, and goes with the logout', async () => {
    const { page } = await opened(MANIFEST, true);
    await type(page, MINE);
    await page.getByText('Not saved yet').waitFor();
    page.on('dialog', (dialog) => void dialog.accept());
    await page.reload();
    await page.getByText('Not saved yet').waitFor();
    expect(await written(page)).toContain(MINE);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token', { exact: true }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await logIn(page, engine.token, 'dev');
    await page.getByRole('textbox', { name: 'Manifest' }).waitFor();
    expect(await written(page)).not.toContain(MINE);
    await page.context().close();
  });

  it('is not refused by the policy of the page when it is typed over a selection', async () => {
    const { page, complaints } = await opened(MANIFEST);
    await page.getByRole('textbox', { name: 'Manifest' }).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('name: x');
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText('name: orders');
    expect(await written(page)).toBe('name: orders');
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+Space');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('is told a mistake once when the engine has told it', async () => {
    const { page } = await opened(MANIFEST);
    await type(page, 'deliveri: at-least-once');
    const mistakes = page.getByRole('list', { name: 'Mistakes' });
    await mistakes.getByText('there is no field deliveri here').waitFor();
    await page.getByRole('button', { name: 'Check', exact: true }).click();
    await page.getByRole('alert').getByText('deliveri').first().waitFor();
    expect(await mistakes.getByRole('listitem').count()).toBe(0);
    await type(page, '# and on');
    await mistakes.getByText('there is no field deliveri here').waitFor();
    await page.context().close();
  });
});

describe('a revision that came meanwhile', () => {
  it('is told, and loaded if that is wished; what was typed can be taken back', async () => {
    const { page, complaints } = await opened(MANIFEST);
    await type(page, MINE);
    await engine.apply(ORDERS.replace('min: 0', 'min: 1'));
    await page.getByText('This text is revision 1, active is 2').waitFor();
    await accessible(page);
    await page.getByRole('button', { name: 'Load revision 2' }).click();
    const kept = page.getByRole('region', { name: 'What you typed' });
    await kept.getByText(MINE).waitFor();
    expect(await written(page)).toContain('min: 1');
    expect(await written(page)).not.toContain(MINE);
    await accessible(page);
    await kept.getByRole('button', { name: 'Take it back' }).click();
    await kept.waitFor({ state: 'detached' });
    expect(await written(page)).toContain(MINE);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('is told when it refuses what is applied, which then goes on top of it', async () => {
    const { page } = await opened(MANIFEST);
    await type(page, '# kept on top');
    // The status is of before, so the engine is the first to say it.
    const status = await engine.status('orders');
    await page.route('**/pipelines/orders/status', (route) => route.fulfill({ json: status }));
    await engine.apply(ORDERS.replace('min: 0', 'min: 5'));
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByRole('alert').getByText('precondition-failed').waitFor();
    await page.getByText('This text is revision 2, active is 3').waitFor();
    await page.getByRole('button', { name: 'Go on with this text, to replace revision 3' }).click();
    await page.getByText('This text is revision 2').waitFor({ state: 'hidden' });
    expect(await written(page)).toContain('# kept on top');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Revision 4 takes effect').waitFor();
    await page.getByText('Not saved yet').waitFor({ state: 'hidden' });
    await page.context().close();
  });

  it('is not told where something else of the pipeline has changed', async () => {
    const { page } = await opened(MANIFEST);
    await type(page, '# while it was paused');
    await engine.ask('POST', '/pipelines/orders/pause', JSON.stringify({ reason: 'a test' }));
    await engine.ask('POST', '/pipelines/orders/resume');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByRole('alert').getByText('precondition-failed').waitFor();
    expect(await page.getByText(/^This text is revision/).count()).toBe(0);
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Nothing changed: the manifest is that of the active revision').waitFor();
    await page.context().close();
  });
});

describe('any other form', () => {
  it.each([
    ['/streams', 'Subjects', 'dev.typed.>'],
    ['/schemas', 'Text', '{"type":"typed"}'],
    ['/first-steps', 'Payload', '{"typed":1}'],
  ])('at %s keeps its text when the token ends', async (path, label, text) => {
    const { page, end } = await opened(`/console/t/dev${path}`);
    await page.getByLabel(label, { exact: true }).fill(text);
    await page.getByText('Not saved yet').waitFor();
    // A page that asks nothing by itself would not notice.
    await engine.ask('GET', '/streams');
    await Promise.all([end(), page.getByRole('link', { name: 'Pipelines' }).click()]);
    await logIn(page, engine.token, 'dev');
    await page.getByRole('heading', { name: 'Pipelines' }).waitFor();
    await page.goBack();
    await page.getByText('Not saved yet').waitFor();
    expect(await page.getByLabel(label, { exact: true }).inputValue()).toBe(text);
    await page.context().close();
  });

  it('of tokens, and of a new pipeline, keeps its text too', async () => {
    const { page } = await open(browser, engine, '/console/t/dev/tokens');
    await logIn(page, engine.token, 'dev');
    await page.getByLabel('Label').fill('typed');
    await page.getByRole('link', { name: 'New pipeline' }).click();
    await type(page, MINE);
    await page.getByText('Not saved yet').waitFor();
    await page.getByRole('link', { name: 'Tokens' }).click();
    expect(await page.getByLabel('Label').inputValue()).toBe('typed');
    await page.getByRole('link', { name: 'New pipeline' }).click();
    await page.getByText('Not saved yet').waitFor();
    expect(await written(page)).toContain(MINE);
    await page.context().close();
  });

  it('of an upload keeps its texts, and asks for the file again', async () => {
    const { page, end } = await opened('/console/t/dev/plugins');
    const file = page.getByLabel(/drop its file here/);
    await file.setInputFiles(join(PLUGINS(), 'validator.wasm'));
    await page.getByLabel(/^Config/).fill('{"typed":1}');
    await Promise.all([end(), page.getByRole('link', { name: 'Pipelines' }).click()]);
    await logIn(page, engine.token, 'dev');
    await page.getByRole('link', { name: 'Plugins' }).click();
    await page.getByText('choose its file again').waitFor();
    await file.setInputFiles(join(PLUGINS(), 'validator.wasm'));
    expect(await page.getByLabel(/^Config/).inputValue()).toBe('{"typed":1}');
    await page.context().close();
  });

  it('of a letter that is mended is open again with its text', async () => {
    const { page, end } = await opened('/console/t/dev/p/orders/dead-letters');
    await page.getByRole('region', { name: 'Dead letters' }).getByRole('button').first().click();
    await page.getByRole('button', { name: 'Mend' }).click();
    const payload = page.getByRole('region', { name: 'Mend' }).getByLabel('Payload');
    await payload.fill('{"user":"ada","amount":7}');
    await page.getByText('Not saved yet').waitFor();
    await end();
    await logIn(page, engine.token, 'dev');
    await payload.waitFor();
    expect(await payload.inputValue()).toBe('{"user":"ada","amount":7}');
    await page.context().close();
  });
});
