// Quotas as an operator writes them.
import { describe, expect, it } from 'vitest';
import type { Tenant } from '../../api/shapes/tenant';
import { bodyOf, wishOf } from './quotas';

const tenant: Tenant = {
  name: 'shop',
  read: ['shop.>', 'public.*'],
  write: ['shop.>'],
  quotas: {
    pipelines: 1000,
    'plugin-bytes': 4 * 1024 ** 3,
    'state-bytes': 1500,
    rates: { events: { limit: 100, per: '1s' }, 'output-bytes': { limit: '2MiB', per: '1m', window: 'tumbling' } },
  },
  used: {},
  created_ms: 0,
};

describe('a wish', () => {
  it('says what the tenant has, and sends it back as it was', () => {
    const wish = wishOf(tenant);
    expect(wish.quotas).toEqual({ pipelines: '1000', 'plugin-bytes': '4GiB', 'state-bytes': '1500' });
    expect(wish.rates).toEqual({
      events: '100 per 1s',
      outputs: '',
      'output-bytes': '2MiB per 1m tumbling',
      fuel: '',
    });
    expect(bodyOf(wish)).toEqual({ read: tenant.read, write: tenant.write, quotas: tenant.quotas });
  });

  it('is refused where it is no number or no rate', () => {
    const wish = wishOf(tenant);
    wish.quotas['pipelines'] = 'many';
    expect(() => bodyOf(wish)).toThrow(/^pipelines: "many" is no number/);
    wish.quotas['pipelines'] = '1';
    wish.rates['fuel'] = '100/s';
    expect(() => bodyOf(wish)).toThrow(/^fuel: "100\/s" is no rate; write 100 per 1s/);
  });
});
