// Which keys go where.
import type { Place, TenantPage } from './places';

export interface Goal {
  key: string;
  name: string;
  /** None where no tenant is chosen. */
  place: (tenant: string | undefined) => Place | undefined;
}

function ofTenant(page: 'overview' | TenantPage) {
  return (tenant: string | undefined): Place | undefined => (tenant ? { page, tenant } : undefined);
}

export const GOALS: readonly Goal[] = [
  { key: 'p', name: 'pipelines', place: ofTenant('overview') },
  { key: 'n', name: 'new pipeline', place: ofTenant('new') },
  { key: 'u', name: 'plugins', place: ofTenant('plugins') },
  { key: 'a', name: 'alarms', place: ofTenant('alarms') },
  { key: 's', name: 'streams', place: ofTenant('streams') },
  { key: 'c', name: 'schemas', place: ofTenant('schemas') },
  { key: 'q', name: 'quotas', place: ofTenant('quotas') },
  { key: 't', name: 'tokens', place: ofTenant('tokens') },
  { key: 'l', name: 'audit log', place: ofTenant('audit') },
  { key: 'f', name: 'first steps', place: ofTenant('first-steps') },
  { key: 'o', name: 'all tenants', place: () => ({ page: 'operator' }) },
];

/** Whether a key belongs to a field, or to the browser. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  // The field may be in the shadow of the editor.
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}
