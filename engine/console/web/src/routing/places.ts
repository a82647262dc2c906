// The addresses of the console. Each page has one, so that it can be shared; no address holds a token.

export const TABS = [
  'status',
  'dead-letters',
  'manifest',
  'revisions',
  'live',
  'logs',
  'outputs',
  'results',
  'windows',
  'state',
] as const;
export type Tab = (typeof TABS)[number];
export const TENANT_PAGES = [
  'first-steps',
  'new',
  'plugins',
  'streams',
  'schemas',
  'alarms',
  'tokens',
  'quotas',
  'audit',
] as const;
export type TenantPage = (typeof TENANT_PAGES)[number];

export type Place =
  | { page: 'home' }
  | { page: 'operator' }
  | { page: 'overview'; tenant: string }
  | { page: TenantPage; tenant: string }
  | { page: 'pipeline'; tenant: string; pipeline: string; tab: Tab }
  | { page: 'nowhere' };

const BASE = '/console';

/** The place that a path names. */
export function placeOf(path: string): Place {
  const parts = segments(path);
  if (!parts) return { page: 'nowhere' };
  const [area, tenant, third, fourth, fifth] = parts;
  if (area === undefined) return { page: 'home' };
  if (area === 'operator' && parts.length === 1) return { page: 'operator' };
  if (area !== 't' || !tenant || parts.length > 5) return { page: 'nowhere' };
  if (third === undefined) return { page: 'overview', tenant };
  if (third === 'p' && fourth) return pipelinePlace(tenant, fourth, fifth);
  const page = TENANT_PAGES.find((known) => known === third);
  return page && fourth === undefined ? { page, tenant } : { page: 'nowhere' };
}

function pipelinePlace(tenant: string, pipeline: string, tab: string | undefined): Place {
  const known = tab === undefined ? 'status' : TABS.find((one) => one === tab);
  return known ? { page: 'pipeline', tenant, pipeline, tab: known } : { page: 'nowhere' };
}

/** The parts of a path below the console, decoded; none where the path is not the console's. */
function segments(path: string): string[] | undefined {
  if (path !== BASE && !path.startsWith(`${BASE}/`)) return undefined;
  const parts = path.slice(BASE.length).split('/');
  try {
    return parts.filter((part) => part !== '').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** The path of a place. */
export function pathOf(place: Place): string {
  const said = encodeURIComponent;
  switch (place.page) {
    case 'home':
    case 'nowhere':
      return `${BASE}/`;
    case 'operator':
      return `${BASE}/operator`;
    case 'overview':
      return `${BASE}/t/${said(place.tenant)}`;
    case 'pipeline': {
      const path = `${BASE}/t/${said(place.tenant)}/p/${said(place.pipeline)}`;
      return place.tab === 'status' ? path : `${path}/${place.tab}`;
    }
    default:
      return `${BASE}/t/${said(place.tenant)}/${place.page}`;
  }
}
