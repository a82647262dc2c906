// What a text of a manifest began with, and whether something newer is active since.

export interface Base {
  text: string;
  /** None for a new pipeline. */
  revision: number | undefined;
  /** Of the pipeline, so that no change of somebody else is overwritten. */
  etag: string | undefined;
}

/** What is typed, and what it began with. */
export interface Written {
  text: string;
  base: Base;
}

export function begun(base: Base): Written {
  return { text: base.text, base };
}

/** Whether the pipeline changed while its manifest did not, as when it is paused: the text goes on with its new tag. */
export function isSame(base: Base, found: Base): boolean {
  return base.revision === found.revision && base.text === found.text;
}

/** Whether the text began with what is not active any more; `latest` is the revision that the status has seen. */
export function isOutdated(base: Base, found: Base, latest: number | undefined): boolean {
  if (base.revision === undefined) return false;
  return !isSame(base, found) || (latest ?? 0) > (found.revision ?? 0);
}
