// The session's API for the components below the frame.
import { getContext, setContext } from 'svelte';
import type { Login } from './session.svelte';

const KEY = Symbol('login');

export function provideLogin(login: () => Login): void {
  setContext(KEY, login);
}

/** To be called while a component starts. */
export function useLogin(): Login {
  return getContext<() => Login>(KEY)();
}
