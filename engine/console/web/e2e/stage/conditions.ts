// Waits for conditions, never for times. The end of a wait is there only so that what never comes fails the test; on a
// slow machine it may be put off with CONSOLE_PATIENCE_MS.
export const PATIENCE_MS = Number(process.env['CONSOLE_PATIENCE_MS'] ?? 120_000);
const EVERY_MS = 100;

export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const found = await ask();
      if (found !== undefined) return found;
    } catch (cause) {
      last = cause;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`, { cause: last });
}
