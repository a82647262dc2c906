// The access matrix of what changes something: on every page, for every kind of token, a control that the token may not
// use is disabled with a reason, before anything is filled in; any other one has none.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, logIn, open } from './stage/browser';
import { eventually } from './stage/conditions';
import { Engine } from './stage/engine';
import { LIKES, ORDERS, SCHEMAS, SUBJECT } from './stage/shop';

let engine: Engine;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
  engine = await Engine.start();
  for (const plugin of ['validator', 'embedding-updater']) await engine.push(plugin);
  // Two revisions and a candidate, a dead letter, a stream, a schema, state.
  await engine.apply(ORDERS);
  await engine.publish(SUBJECT, [{ user: 'ada', amount: -1 }]);
  await eventually('a letter is there', async () =>
    (await engine.status('orders'))['dead_letters'] === 1 ? true : undefined,
  );
  await engine.apply(ORDERS.replace('min: 0', 'min: 1'));
  const third = ORDERS.replace('min: 0', 'min: 2');
  await engine.ask('PUT', '/pipelines/orders?shadow=true', third, 'application/yaml');
  await engine.apply(LIKES);
  await engine.ask('PUT', '/streams/more', JSON.stringify({ subjects: ['dev.more.>'] }));
  await engine.ask('POST', '/schemas/order/versions', JSON.stringify(SCHEMAS[0]));
});

afterAll(async () => {
  await browser?.close();
  await engine?.end();
});

type Need = 'deploy' | 'admin' | 'operator';
const OF_TENANT: [path: string, need: Need, buttons: (string | RegExp)[]][] = [
  ['', 'deploy', ['Pause orders']],
  ['/p/orders/dead-letters', 'deploy', ['Redrive all 1 listed', 'Redrive 0 chosen']],
  ['/p/orders/manifest', 'deploy', ['Apply', 'Check', 'Pause orders', 'Delete this pipeline orders']],
  ['/p/orders/revisions', 'deploy', ['Promote', 'Abandon', 'Roll back to 1']],
  ['/p/likes/state', 'deploy', [/^Delete all of the step/]],
  ['/new', 'deploy', ['Apply', 'Check']],
  ['/first-steps', 'deploy', ['Publish']],
  ['/plugins', 'deploy', ['Delete validator@1.0.0']],
  ['/streams', 'deploy', ['Create', 'Delete more']],
  [
    '/schemas?schema=order',
    'deploy',
    ['Check', 'Push', 'Change', 'Change it', 'Delete version 1', 'Delete the schema order'],
  ],
  ['/tokens', 'admin', ['Create']],
];
/** Fields that cannot be filled in in vain. */
const FIELDS: [path: string, need: Need, label: string | RegExp][] = [
  ['/plugins', 'deploy', /drop its file here/],
  ['/streams', 'deploy', 'Subjects'],
  ['/schemas', 'deploy', 'Text'],
  ['/first-steps', 'deploy', 'Payload'],
  ['/tokens', 'admin', 'Label'],
];

/** As a reader hears it: of the control, or of the form that it is in. */
function reasonOf(control: Locator): Promise<string> {
  return control.evaluate((element) => {
    const form = element.closest('fieldset');
    const of = element.getAttribute('aria-describedby') ?? form?.getAttribute('aria-describedby');
    return (of && document.getElementById(of)?.textContent) || '';
  });
}

interface Kind {
  name: string;
  token: () => Promise<string>;
  may: Need[];
  has: string;
}
const ofTenant = (scope: string, may: Need[]): Kind => ({
  name: `a tenant's token that may ${scope}`,
  token: async () => (await engine.newToken(scope)).token,
  may,
  has: scope,
});
const ofOperator = (scope: string, may: Need[]): Kind => ({
  name: `an operator's token that may ${scope}`,
  token: async () => {
    const made = await engine.askAs(engine.operator, 'POST', '/v1/operator/tokens', JSON.stringify({ scope }));
    return ((await made.json()) as { token: string }).token;
  },
  may,
  has: scope,
});
const KINDS = [
  ofTenant('read', []),
  ofTenant('deploy', ['deploy']),
  ofTenant('admin', ['deploy', 'admin']),
  ofOperator('read', []),
  ofOperator('admin', ['deploy', 'admin', 'operator']),
];

describe.each(KINDS)('$name', ({ token, may, has }) => {
  let page: Page;

  async function holds(control: Locator, need: Need, of: string): Promise<void> {
    await control.waitFor();
    const reason = await reasonOf(control);
    if (may.includes(need)) {
      expect(reason, of).toBe('');
      return;
    }
    const scope = need === 'operator' ? 'admin' : need;
    expect(reason, of).toMatch(new RegExp(`token of scope ${scope}; this token (has ${has}|is of tenant dev)\\.$`));
    expect(await control.isDisabled(), of).toBe(true);
  }

  beforeAll(async () => {
    ({ page } = await open(browser, engine, '/console/t/dev'));
    await page.getByLabel('Keep the token').check();
    await logIn(page, await token(), 'dev');
    await page.getByRole('heading', { name: 'Pipelines' }).waitFor();
  });

  afterAll(() => page?.context().close());

  it.each(OF_TENANT)('at /t/dev%s: what needs %s', async (path, need, buttons) => {
    await page.goto(`${engine.url}/console/t/dev${path}`);
    for (const name of buttons) {
      await holds(page.getByRole('button', { name, exact: true }).first(), need, `${path} ${name}`);
    }
  });

  it.each(FIELDS)('at /t/dev%s: a field of a form that needs %s', async (path, need, label) => {
    await page.goto(`${engine.url}/console/t/dev${path}`);
    await holds(page.getByLabel(label).first(), need, `${path} ${label}`);
  });

  it('mends a letter, or is told why not', async () => {
    await page.goto(`${engine.url}/console/t/dev/p/orders/dead-letters`);
    await page.getByRole('region', { name: 'Dead letters' }).getByRole('button').first().click();
    const letter = page.getByRole('region', { name: /^Dead letter \d/ });
    await holds(letter.getByRole('button', { name: 'Redrive' }), 'deploy', 'redrive');
    await letter.getByRole('button', { name: 'Mend' }).click();
    await holds(letter.getByLabel('Payload'), 'deploy', 'the payload');
    await holds(letter.getByRole('button', { name: 'Publish' }), 'deploy', 'publish');
  });

  it('changes quotas and tenants, or is told why not', async () => {
    await page.goto(`${engine.url}/console/t/dev/quotas`);
    const change = page.getByRole('button', { name: 'Change' });
    const isOperators = page.getByText('An operator changes them.');
    await change.or(isOperators).first().waitFor();
    if ((await isOperators.count()) === 0) await holds(change, 'operator', 'quotas');
    else expect(may).not.toContain('operator');
    await page.goto(`${engine.url}/console/operator`);
    const notHere = page.getByText("This needs an operator's token");
    const name = page.getByLabel('Name', { exact: true });
    await name.or(notHere).first().waitFor();
    if ((await name.count()) === 0) expect(may).not.toContain('operator');
    else {
      await holds(name, 'operator', 'the name');
      await holds(page.getByRole('button', { name: 'Delete dev' }), 'operator', 'deletion');
    }
  });
});
