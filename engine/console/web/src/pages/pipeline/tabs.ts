// The tabs of a pipeline, each loaded when it is wanted.
import type { Component } from 'svelte';
import type { Status } from '../../api/shapes/status';
import type { Tab } from '../../routing/places';
import type { Poll } from '../../time/poll.svelte';
import type { Rates } from '../../time/rates';

/** What every tab is given. */
export interface TabProps {
  tenant: string;
  pipeline: string;
  status: Poll<Status>;
  /** Of its counters, since the page was opened. */
  rates: Rates;
}

interface Shown {
  tab: Tab;
  name: string;
  load: () => Promise<{ default: Component<TabProps> }>;
}

export const SHOWN: readonly Shown[] = [
  { tab: 'status', name: 'Status', load: () => import('./status/Status.svelte') },
  { tab: 'dead-letters', name: 'Dead letters', load: () => import('./dead-letters/DeadLetters.svelte') },
  { tab: 'manifest', name: 'Manifest', load: () => import('./Manifest.svelte') },
  { tab: 'revisions', name: 'Revisions', load: () => import('./revisions/Revisions.svelte') },
  { tab: 'live', name: 'Live', load: () => import('./live/Live.svelte') },
  { tab: 'logs', name: 'Logs', load: () => import('./live/Logs.svelte') },
  { tab: 'outputs', name: 'Outputs', load: () => import('./outputs/Outputs.svelte') },
  { tab: 'results', name: 'Results', load: () => import('./results/Results.svelte') },
  { tab: 'windows', name: 'Windows and joins', load: () => import('./windows/Windows.svelte') },
  { tab: 'state', name: 'State, timers, vectors', load: () => import('./state/State.svelte') },
];
