// What `make test` does about a browser: one that cannot be had is said, and never passed over in silence.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = new URL('../../tools/browser-tests.sh', import.meta.url).pathname;
const TOOLS = ['bash', 'cat', 'dirname', 'env', 'mktemp', 'rm', 'tail'];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-tools-'));
  for (const tool of TOOLS) {
    const found = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(found, join(folder, tool));
  }
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A program that does only this. */
function fake(name: string, does: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${does}\n`);
  chmodSync(file, 0o755);
}

function run(flags: string[]) {
  return spawnSync(SCRIPT, flags, { encoding: 'utf8', env: { PATH: folder } });
}

describe('where no browser can be had', () => {
  it('the tests are left out where that is allowed, and it is said', () => {
    fake('id', 'echo 1000');
    const { status, stderr } = run(['--where-possible']);
    expect(status).toBe(0);
    expect(stderr).toContain("NOT RUN: the console's tests in a browser");
    expect(stderr).toContain('make console-test');
  });

  it('it is a failure where they are asked for', () => {
    fake('id', 'echo 1000');
    const { status, stderr } = run([]);
    expect(status).toBe(1);
    expect(stderr).toContain('chromium-headless-shell');
  });

  it('the words of what could not install one are told', () => {
    fake('id', 'echo 0');
    fake('apt-get', 'echo "E: no such host" >&2; exit 100');
    expect(run(['--where-possible']).stderr).toContain('E: no such host');
  });
});

it('a browser that is there counts as there: whether it starts, the tests find out', () => {
  fake('id', 'echo 1000');
  fake('chromium', 'exit 1');
  const { status, stderr } = run(['--where-possible']);
  // This folder has no Node to run them with.
  expect(status).not.toBe(0);
  expect(stderr).not.toContain('NOT RUN');
});
