// The chain that a manifest describes.
import { describe, expect, it } from 'vitest';
import { flowOf, unknownPlugins } from './flow';

const TEXT = `name: clicks
input:
  subjects: ["a.>", "b"]
steps:
  - name: check
    plugin: validator@1.0.0
  - name: rank
    plugin: ranker@2.0.0
    grants: [state, log]
sketches:
  users: { kind: distinct }
alarms:
  - name: slow
output:
  subject: "out.{key}"
`;

describe('the flow', () => {
  it('is a chain from subjects to the output', () => {
    const { boxes, beside } = flowOf(TEXT);
    expect(boxes.map(({ kind, name, says }) => [kind, name, says])).toEqual([
      ['subject', 'a.>', ''],
      ['subject', 'b', ''],
      ['step', 'check', 'validator@1.0.0'],
      ['step', 'rank', 'ranker@2.0.0'],
      ['output', 'out.{key}', ''],
    ]);
    expect(boxes[3]?.grants).toEqual(['state', 'log']);
    expect(beside.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['distinct users', 'alarm slow']);
  });

  it('has the windows behind the last step', () => {
    const { boxes } = flowOf(`${TEXT}windows:\n  a: { over: { hopping: 5m, every: 1m } }\n  b: nothing\n`);
    expect(boxes.slice(3).map(({ kind, name, says }) => [kind, name, says])).toEqual([
      ['step', 'rank', 'ranker@2.0.0'],
      ['window', 'a', 'hopping 5m, every 1m'],
      ['window', 'b', ''],
      ['output', 'out.{key}', ''],
    ]);
  });

  it('has inputs by their names, joins, and the windows of their rows', () => {
    const { boxes } = flowOf(`name: bought
inputs:
  clicks: { subjects: [a.click] }
  purchases: { subjects: [a.purchase], key: { json: /buyer } }
joins:
  after-click: { left: clicks, right: purchases, within: { after: 10m } }
windows:
  hourly: { of: after-click, over: { tumbling: 1h } }
`);
    expect(boxes.map(({ kind, name, says }) => [kind, name, says])).toEqual([
      ['subject', 'a.click', 'clicks'],
      ['subject', 'a.purchase', 'purchases'],
      ['join', 'after-click', 'clicks and purchases, after 10m'],
      ['window', 'hourly', 'of after-click, tumbling 1h'],
    ]);
  });

  it('names the schemas of what comes in and goes out', () => {
    const { boxes } = flowOf(`name: receipts
inputs:
  shop: { subjects: [a], schema: { name: receipt, version: 2 } }
output: { subject: b, schema: { name: sent } }
`);
    expect(boxes.map(({ name, says }) => [name, says])).toEqual([
      ['a', 'shop, schema receipt 2'],
      ['b', 'schema sent'],
    ]);
  });

  it('holds each mistake where it is', () => {
    const from = TEXT.indexOf('ranker@2.0.0');
    const { boxes } = flowOf(TEXT, [{ from, to: from + 1, message: 'gone' }]);
    expect(boxes.filter(({ mistakes }) => mistakes.length > 0).map(({ name }) => name)).toEqual(['rank']);
  });

  it.each(['', 'name: [', 'steps: nothing', 'steps:\n  - 3\n  -', 'input: { subjects: { a: b } }', '- list'])(
    'of %j is empty',
    (text) => {
      expect(flowOf(text)).toEqual({ boxes: [], beside: [] });
    },
  );
});

describe('plugins', () => {
  it('that nobody uploaded are mistakes at their places', () => {
    const found = unknownPlugins(TEXT, new Set(['validator@1.0.0']));
    expect(found.map(({ from, to }) => TEXT.slice(from, to))).toEqual(['ranker@2.0.0']);
  });
});
