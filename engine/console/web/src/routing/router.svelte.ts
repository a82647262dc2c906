// Where the browser is. Links of the console change the place without loading the page again; back and forward
// work, and so does opening a link in a new tab.
import { pathOf, placeOf, type Place } from './places';

class Router {
  place = $state.raw<Place>(placeOf(location.pathname));
  /** The part behind `?`, where a page keeps what it filters by. */
  search = $state(location.search);

  constructor() {
    window.addEventListener('popstate', () => this.#read());
    document.addEventListener('click', (event) => this.#follow(event));
  }

  go(place: Place): void {
    this.#open(pathOf(place));
  }

  /** As `go`, where the present place is none to come back to. */
  replace(place: Place): void {
    history.replaceState(null, '', pathOf(place));
    this.#read();
  }

  /** Filters are part of the address, but no step to go back to. */
  filter(name: string, value: string): void {
    const search = new URLSearchParams(this.search);
    if (value === '') search.delete(name);
    else search.set(name, value);
    const text = search.toString();
    history.replaceState(null, '', location.pathname + (text === '' ? '' : `?${text}`));
    this.search = location.search;
  }

  filterOf(name: string): string {
    return new URLSearchParams(this.search).get(name) ?? '';
  }

  #open(address: string): void {
    history.pushState(null, '', address);
    this.#read();
    window.scrollTo(0, 0);
  }

  #read(): void {
    this.place = placeOf(location.pathname);
    this.search = location.search;
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.hasAttribute('download') || link.hasAttribute('target')) return;
    // A link inside a picture has an object where another has its address.
    const href = link.getAttribute('href') ?? '';
    if (!href.startsWith('/console')) return;
    event.preventDefault();
    this.#open(href);
  }
}

export const router = new Router();
