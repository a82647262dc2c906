// What the tests run: a shop's orders, what its buyers like, and a plugin that says what it hears.

/** One step that rejects what is out of range. */
export const ORDERS = `name: orders
input:
  subjects: ["dev.events.>"]
  key: { json: /user }
partitions: 2
steps:
  - name: check
    plugin: validator@1.0.0
    config:
      schema:
        unknown: keep
        fields:
          user: { type: text, required: true }
          amount: { type: number, required: true, min: 0 }
sketches:
  amounts: { kind: quantiles, value: { json: /amount } }
output:
  subject: "dev.orders.{key}"
`;

export const SUBJECT = 'dev.events.order';

/** The same with all that a page may show: windows, groups, an alarm. Time goes on with the events only, however long the
 *  tests take. */
export const RICH_ORDERS = `${ORDERS.replace('dev.events.>', SUBJECT)
  .replace('partitions: 2', '  time: { json: /ts }\n  watermark: { idle: { after: 24h } }\npartitions: 2')
  .replace(
    '  amounts: { kind: quantiles, value: { json: /amount } }',
    `  amounts: { kind: quantiles, value: { json: /amount }, by: { json: /country }, groups: 5, window: 1m, keep: 1h }
  buyers: { kind: distinct, value: { json: /user }, window: 1m, keep: 1h, watch: 1 }
  goods: { kind: top, value: { json: /item }, size: 5, window: 1m, keep: 1h }`,
  )}alarms:
  - name: many-refused
    when: dead-letter-ratio > 0.01
  - name: dear
    when: amounts.p99 > 5000 for 1m
`;

/** Windows of each kind over the orders; the last ones stay open, for time goes on with the events only. */
export const SALES = `name: sales
input:
  subjects: ["${SUBJECT}"]
  key: { json: /item }
  time: { json: /ts }
  watermark: { delay: 2s, idle: { after: 24h } }
windows:
  per-minute:
    over: { tumbling: 1m }
    late: dead-letter
    aggregate:
      orders: count
      revenue: { sum: { json: /amount } }
      largest: { max: { json: /amount }, keep: { by: { json: /user } } }
  rolling:
    over: { hopping: 5m, every: 1m }
    by: { country: { json: /country }, item: { json: /item } }
    aggregate:
      spent: { quantiles: { json: /amount }, at: [0.5, 0.99] }
      buyers: { top: { json: /user }, size: 3 }
output:
  subject: "dev.sales.{window}.{key}"
`;

/** A step with state and vectors; it reads what the orders publish. */
export const TASTES = `name: tastes
input:
  subjects: ["dev.orders.>"]
  key: { json: /user }
steps:
  - name: embed
    plugin: embedding-updater@1.0.0
    grants: [state, vectors]
vectors:
  users: { dimensions: 32 }
  items: { dimensions: 32 }
`;

/** The same, of what anybody says that they like. */
export const LIKES = TASTES.replace('name: tastes', 'name: likes').replace('dev.orders.>', 'dev.events.like');
export const LIKE = 'dev.events.like';

/** A step that logs each payload. */
export const CHATTY = `name: chatty
input:
  subjects: ["dev.events.chat"]
steps:
  - name: talk
    plugin: chatty@1.0.0
    grants: [log]
output:
  subject: "dev.talk"
`;

export const CHAT = 'dev.events.chat';

const COUNTRIES = ['de', 'fr', 'se'];
const GOODS = ['tea', 'tea', 'coffee', 'honey', 'salt', 'tea', 'bread', 'coffee'];

/** Orders of some minutes of event time, always the same; every twentieth is refused. */
export function orders(count: number): unknown[] {
  return Array.from({ length: count }, (_, index) => ({
    user: `user-${(index * 7) % 23}`,
    item: GOODS[index % GOODS.length],
    country: COUNTRIES[index % COUNTRIES.length],
    rating: 1 + (index % 5),
    amount: index % 20 === 19 ? -1 : ((index * 37) % 100) + (index % 3) * 40,
    ts: new Date(Date.UTC(2026, 10, 1, 12, 0, 0) + index * 2_000).toISOString(),
  }));
}

/** A timer for each user; time goes on with the events only. */
export const MINUTES = `name: minutes
input:
  subjects: ["${SUBJECT}"]
  key: { json: /user }
  time: { json: /ts }
  watermark: { delay: 0s, idle: { after: 24h } }
steps:
  - name: count
    plugin: minutes@1.0.0
    grants: [state, timers]
output:
  subject: "dev.minutes.{key}"
`;

/** Clicks that look up who has clicked. */
export const KNOWN = `name: known
inputs:
  clicks: { subjects: ["dev.events.seen"], key: { json: /user } }
tables:
  users: { subjects: ["dev.users.*"], key: { subject-token: 3 } }
joins:
  with-user: { left: clicks, right: users }
output:
  subject: "dev.known.{key}"
`;

/** Two versions of an order. */
export const SCHEMAS = [[], [{ name: 'note', type: 'string', default: '' }]].map((more) => ({
  format: 'avro',
  schema: JSON.stringify({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'long' }, ...more] }),
}));

/** Clicks with the purchases that follow them, and their rows by the hour. */
export const BOUGHT = `name: bought
inputs:
  clicks: { subjects: ["dev.events.click"] }
  purchases: { subjects: ["dev.events.purchase"], key: { json: /buyer } }
input:
  key: { json: /user }
  time: { json: /ts }
  watermark: { delay: 2s, lag: 10m, idle: { after: 24h } }
joins:
  after-click: { left: clicks, right: purchases, within: { after: 10m }, kind: left }
windows:
  by-the-hour:
    of: after-click
    over: { tumbling: 1h }
    by: { user: { json: /key } }
    aggregate: { rows: count }
output:
  subject: "dev.bought.{key}"
`;
