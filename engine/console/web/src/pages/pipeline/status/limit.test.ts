// What holds events back.
import { describe, expect, it } from 'vitest';
import { limitText } from './limit';

describe('a limit', () => {
  it("is the pipeline's, the tenant's, or a rest", () => {
    expect(limitText('events')).toMatch(/pipeline's rate of events/);
    expect(limitText('tenant-fuel')).toMatch(/tenant's rate of fuel, which an operator can raise/);
    expect(limitText('stopped-calls')).toMatch(/rests/);
  });
});
