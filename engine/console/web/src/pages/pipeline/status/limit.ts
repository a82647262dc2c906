// What holds the events of a pipeline back.

/** As the API names it, in words, with the way out. */
export function limitText(by: string): string {
  if (by === 'stopped-calls') {
    return 'The pipeline rests: call after call is stopped by its deadline or its fuel. See its dead letters and steps.';
  }
  const quota = /^tenant-(.+)$/.exec(by)?.[1];
  return quota === undefined
    ? `Events are held back by the pipeline's rate of ${by}, which its manifest holds.`
    : `Events are held back by the tenant's rate of ${quota}, which an operator can raise.`;
}
