/** The determinism boundary: what workflow code must not reach is refused by the compiler. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WORKFLOWS = join(ROOT, 'workflows');

/** What is planted into workflows/, and what the compiler must say of it. */
const PLANTS: Readonly<Record<string, readonly [source: string, error: RegExp]>> = {
  'an environment variable': ["export const home = process.env['HOME'];", /TS2\d+.*process/],
  'a module of Node': [
    "import { readFileSync } from 'node:fs';\nexport { readFileSync };",
    /TS2\d+.*node:fs/,
  ],
  'a module of Node by its old name': [
    "import { readFileSync } from 'fs';\nexport { readFileSync };",
    /TS2\d+.*'fs'/,
  ],
  'the network': ["export const page = fetch('http://192.0.2.1/');", /TS2\d+.*fetch/],
  "a timer of Node's": [
    'export const timer = setTimeout(() => undefined, 1);',
    /TS2\d+.*setTimeout/,
  ],
  'a random value of the machine': ['export const id = crypto.randomUUID();', /TS2\d+.*crypto/],
  'a buffer': ["export const bytes = Buffer.from('x');", /TS2\d+.*Buffer/],
  'a value of an activity': [
    "import { effect } from '../activities/ACTIVITY.ts';\nexport { effect };",
    /TS6059.*rootDir/,
  ],
  'a type of an activity': [
    "import type { Effect } from '../activities/ACTIVITY.ts';\nexport type { Effect };",
    /TS6059.*rootDir/,
  ],
  'an activity imported on demand': [
    "export const later = () => import('../activities/ACTIVITY.ts');",
    /TS6059.*rootDir/,
  ],
};

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-boundary-'));
  await cp(WORKFLOWS, join(folder, 'workflows'), { recursive: true });
  await cp(join(ROOT, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'activities'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** Runs the compiler as `npm run types` does; returns its exit code and what it says. */
async function compile(): Promise<{ code: number | null; output: string }> {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const child = spawn(process.execPath, [tsc, '--noEmit', '--pretty', 'false', '-p', 'workflows'], {
    cwd: folder,
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += String(chunk);
  });
  const code = await new Promise<number | null>((end, fail) => {
    child.once('error', fail);
    child.once('close', end);
  });
  return { code, output };
}

describe('the compiler', () => {
  it('takes the workflows as they are', async () => {
    assert.deepEqual(await compile(), { code: 0, output: '' });
  });

  it('refuses everything that is planted', async (test) => {
    const plants = Object.entries(PLANTS);
    const file = (index: number) => `planted-${index}.ts`;
    for (const [index, [, [source]]] of plants.entries()) {
      const text = source.replaceAll('ACTIVITY', `activity-${index}`);
      await writeFile(join(folder, 'workflows', file(index)), `${text}\n`);
      // One for each, since the compiler says where a file is outside only once.
      const effect = 'export type Effect = number;\nexport const effect: Effect = 1;\n';
      await writeFile(join(folder, 'activities', `activity-${index}.ts`), effect);
    }
    const { code, output } = await compile();
    for (const index of plants.keys()) await rm(join(folder, 'workflows', file(index)));
    assert.notEqual(code, 0);
    for (const [index, [name, [, error]]] of plants.entries()) {
      await test.test(name, () => {
        const said = output.split('\n').filter((line) => line.includes(file(index)));
        assert.match(said.join('\n'), error, output);
      });
    }
  });
});

interface Import {
  readonly from: string;
  readonly specifier: string;
}

/**
 * Imports that are there at run time. `import { type X }` counts: with verbatimModuleSyntax the
 * module is still loaded; only `import type` is erased.
 */
async function valueImports(file: string): Promise<Import[]> {
  const source = await readFile(file, 'utf8');
  const statement = /^(?:import|export)\s+(?!type\s)(?:[\w*{][^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...source.matchAll(statement), ...source.matchAll(dynamic)].map((match) => ({
    from: file,
    specifier: match[1] ?? '',
  }));
}

/** Files that are loaded with a file, itself included, and the packages that they import. */
async function reachableFrom(
  start: string,
): Promise<{ files: Set<string>; packages: Set<string> }> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const open = [start];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const { specifier } of await valueImports(file)) {
      if (specifier.startsWith('.')) open.push(resolve(dirname(file), specifier));
      else packages.add(specifier);
    }
  }
  return { files, packages };
}

async function workflowFiles(): Promise<string[]> {
  const names = await readdir(WORKFLOWS, { recursive: true });
  return names.filter((name) => name.endsWith('.ts')).sort();
}

/** The files that hold schemas; workflows import their types alone. */
const SCHEMAS = [
  'domain/analysis-spec.ts',
  'domain/drain-spec.ts',
  'domain/people-spec.ts',
  'domain/schedule-spec.ts',
  'domain/spec-fields.ts',
  'domain/spec.ts',
];

const SDK = ['@temporalio/common', '@temporalio/workflow'];
/** The documents are read in clients and activities; workflows know only their types. */
const DOCUMENTS = [
  'domain/analysis-spec.ts',
  'domain/document-problems.ts',
  'domain/documents.ts',
  'domain/spec.ts',
];
/** Calendars change with the machine's tables of time zones: activities and clients look at them. */
const CALENDAR = ['domain/window-spans.ts', 'domain/window.ts', 'domain/zoned-time.ts'];
const EDGE = [...DOCUMENTS, ...CALENDAR];

describe('imports', () => {
  it('has an eye for every way to import', async () => {
    const file = join(folder, 'imports.ts');
    const lines = [
      "import a from 'a';",
      "import { type B } from 'b';",
      "import {\n  c,\n} from 'c';",
      "import * as d from 'd';",
      "import 'e';",
      "export { f } from 'f';",
      "export * from 'g';",
      "const h = await import('h');",
      "import type { I } from 'i';",
      "export type { J } from 'j';",
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const found = await valueImports(file);
    assert.equal(found.map((entry) => entry.specifier).join(''), 'abcdefgh');
  });

  it('of zod are in the schemas alone', async () => {
    const importers: string[] = [];
    for (const name of await workflowFiles()) {
      const imports = await valueImports(join(WORKFLOWS, name));
      if (imports.some(({ specifier }) => /^zod(\/|$)/.test(specifier))) importers.push(name);
    }
    assert.deepEqual(importers.sort(), SCHEMAS);
  });

  it('of packages are Temporal and nothing else', async () => {
    for (const name of await workflowFiles()) {
      for (const { specifier } of await valueImports(join(WORKFLOWS, name))) {
        const known = specifier.startsWith('.') || SDK.includes(specifier) || specifier === 'zod';
        assert.ok(known, `${name} imports ${specifier}`);
      }
    }
  });

  it('of the domain stay in the domain', async () => {
    for (const name of (await workflowFiles()).filter((entry) => entry.startsWith('domain/'))) {
      for (const { specifier } of await valueImports(join(WORKFLOWS, name))) {
        const inside =
          specifier.startsWith('./') || (SCHEMAS.includes(name) && specifier === 'zod');
        assert.ok(inside, `${name} imports ${specifier}`);
      }
    }
  });

  it('never lead from a workflow to a schema or a calendar', async () => {
    const { files, packages } = await reachableFrom(join(WORKFLOWS, 'index.ts'));
    const names = [...files].map((file) => relative(WORKFLOWS, file)).sort();
    assert.ok(names.includes('node.ts') && names.includes('domain/budget.ts'), names.join(' '));
    assert.deepEqual(
      names.filter((name) => EDGE.includes(name) || name.startsWith('..')),
      [],
    );
    assert.deepEqual([...packages].sort(), SDK);
  });

  it('reach a schema or a calendar from no file of workflows/ itself', async () => {
    for (const name of (await workflowFiles()).filter((entry) => !entry.includes('/'))) {
      for (const { specifier } of await valueImports(join(WORKFLOWS, name))) {
        const target = relative(WORKFLOWS, resolve(WORKFLOWS, specifier));
        assert.ok(!EDGE.includes(target), `${name} imports ${specifier}`);
      }
    }
  });
});

describe("the worker's bundle", () => {
  it('holds no zod and stays small', async () => {
    const logger = new DefaultLogger('ERROR');
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(WORKFLOWS, 'index.ts'),
      logger,
    });
    assert.ok(!/node_modules\/zod\//.test(code), 'no zod');
    // Each cached workflow runs it; the map of its sources, behind it, is there once.
    const bytes = code.indexOf('//# sourceMappingURL');
    assert.ok(bytes > 0, 'the map comes last');
    const limitBytes = 1.2 * 1024 * 1024;
    assert.ok(bytes < limitBytes, `${bytes} bytes`);
  });
});
