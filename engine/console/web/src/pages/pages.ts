// The pages of a tenant, each loaded when it is wanted.
import type { Component } from 'svelte';
import type { TenantPage } from '../routing/places';

type Loaded = Promise<{ default: Component<{ tenant: string }> }>;

export const OF_TENANT: Record<TenantPage, () => Loaded> = {
  'first-steps': () => import('./first/FirstSteps.svelte'),
  new: () => import('./manifest/New.svelte'),
  plugins: () => import('./plugins/Plugins.svelte'),
  streams: () => import('./tenant/Streams.svelte'),
  schemas: () => import('./schemas/Schemas.svelte'),
  alarms: () => import('./alarms/Alarms.svelte'),
  tokens: () => import('./tokens/Tokens.svelte'),
  quotas: () => import('./tenant/Quotas.svelte'),
  audit: () => import('./tenant/Audit.svelte'),
};
