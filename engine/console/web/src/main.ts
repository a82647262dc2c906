// The first thing that runs: the styles, then the shell.
import { mount } from 'svelte';
import './style/tokens.css';
import './style/base.css';
import './style/parts.css';
import Console from './Console.svelte';
import { askBeforeLeaving } from './session/drafts.svelte';
import { applyTheme } from './session/theme.svelte';

const target = document.getElementById('console');
if (!target) throw new Error('index.html has no element for the console');
applyTheme();
askBeforeLeaving();
mount(Console, { target });
