// Light, dark, or as the system has it.
export type Theme = 'system' | 'light' | 'dark';
const KEPT = 'tailrace.theme';
const ALL: readonly Theme[] = ['system', 'light', 'dark'];

function kept(): Theme {
  const value = localStorage.getItem(KEPT);
  return ALL.find((theme) => theme === value) ?? 'system';
}

export const theme = $state({ is: kept() });

/** Puts the theme on the page. */
export function applyTheme(): void {
  if (theme.is === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme.is;
}

/** The next one: system, light, dark. */
export function nextTheme(): void {
  theme.is = ALL[(ALL.indexOf(theme.is) + 1) % ALL.length] ?? 'system';
  localStorage.setItem(KEPT, theme.is);
  applyTheme();
}
