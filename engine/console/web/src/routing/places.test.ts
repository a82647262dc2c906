// Addresses and places are two forms of one thing.
import { describe, expect, it } from 'vitest';
import { pathOf, placeOf, type Place } from './places';

const places: Place[] = [
  { page: 'home' },
  { page: 'operator' },
  { page: 'overview', tenant: 'shop' },
  { page: 'audit', tenant: 'shop' },
  { page: 'pipeline', tenant: 'shop', pipeline: 'clicks', tab: 'status' },
  { page: 'pipeline', tenant: 'a/b', pipeline: '<img>', tab: 'dead-letters' },
];

describe('places', () => {
  it.each(places)('$page is found again by its path', (place) => {
    expect(placeOf(pathOf(place))).toEqual(place);
  });

  it.each([
    '/console/x',
    '/console/t',
    '/console/t/a/b',
    '/console/t/a/p/b/nope',
    '/elsewhere',
    '/console/%E0%A4%A',
  ])('%s is nowhere', (path) => {
    expect(placeOf(path)).toEqual({ page: 'nowhere' });
  });

  it('takes the console with and without its last slash', () => {
    expect(placeOf('/console')).toEqual({ page: 'home' });
    expect(placeOf('/console/')).toEqual({ page: 'home' });
    expect(placeOf('/console/t/shop/')).toEqual({ page: 'overview', tenant: 'shop' });
  });
});
