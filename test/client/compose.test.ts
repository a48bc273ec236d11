import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseDocument } from 'yaml';
import manifest from '../../package.json' with { type: 'json' };
import { SEARCH_ATTRIBUTE_TYPES } from '../../workflows/contract.ts';

// There is no container engine where these tests run: this holds the files to what they refer to.

const root = join(import.meta.dirname, '..', '..');
const text = (file: string) => readFileSync(join(root, file), 'utf8');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
  readonly restart: string;
}

const compose = parse(text('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, unknown>>;
};
const { services } = compose;
const dockerfile = text('Dockerfile').replaceAll('\\\n', ' ').split('\n');

describe('docker-compose.yml', () => {
  it('is YAML without a doubt', () => {
    const document = parseDocument(text('docker-compose.yml'), { merge: true });
    assert.deepEqual([...document.errors, ...document.warnings], []);
  });

  it('registers every search attribute of the contract, with its type', () => {
    const script = services['temporal-setup']?.command?.join('\n') ?? '';
    const registered = [...script.matchAll(/--name (\S+) --type (\S+)/g)].map(([, name, type]) => [
      name,
      type,
    ]);
    const wanted = Object.entries(SEARCH_ATTRIBUTE_TYPES);
    assert.deepEqual(registered.sort(), wanted.sort());
  });

  it('pins every image, and Temporal to one version', () => {
    for (const [name, { image }] of Object.entries(services)) {
      assert.match(image, /^[a-z/-]+:v?\d+\.\d+/, name);
    }
    const versionOf = (name: string) => /:(\d+\.\d+\.\d+)/.exec(services[name]?.image ?? '')?.[1];
    assert.equal(versionOf('temporal-schema'), versionOf('temporal'));
    assert.equal(versionOf('temporal-setup'), versionOf('temporal'));
    assert.equal(versionOf('worker'), manifest.version);
  });

  it('waits only for what there is, in a way that can come true', () => {
    for (const [name, { depends_on }] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(depends_on ?? {})) {
        const service = services[other];
        assert.ok(service, `${name} waits for ${other}`);
        if (condition === 'service_healthy') assert.ok(service.healthcheck, other);
        else assert.ok(service.restart.startsWith('on-failure'), `${other} must end`);
      }
    }
  });

  it('opens ports on this machine only', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    assert.ok(ports.length > 0);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  });

  it('gives the worker its secrets as files and time to hand steps on', () => {
    const { worker } = services;
    assert.deepEqual(worker?.secrets, Object.keys(compose.secrets));
    const [, force] = /shutdownForceTime: '(\d+)s'/.exec(text('worker/main.ts')) ?? [];
    assert.ok(Number.parseInt(worker?.stop_grace_period ?? '', 10) > Number(force));
    for (const name of Object.keys(worker?.environment ?? {})) {
      assert.ok(text('worker/config.ts').includes(name), `${name} is told in the worker's help`);
    }
  });
});

describe('Dockerfile', () => {
  const copies = dockerfile
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));

  it('copies only what there is and what .dockerignore lets in', () => {
    const allowed = text('.dockerignore').split('\n');
    assert.ok(copies.length > 0);
    for (const source of copies) {
      assert.ok(existsSync(join(root, source)), source);
      assert.ok(allowed.includes(`!${source}`), `.dockerignore lets ${source} in`);
    }
  });

  it('copies every folder that the worker and the command line import from', () => {
    for (const folder of ['workflows', 'activities', 'worker', 'client', 'bin', 'package.json']) {
      assert.ok(copies.includes(folder), folder);
    }
  });

  it('runs a worker that exists, as nobody in particular, with the Node that is tested', () => {
    const command = dockerfile.find((line) => line.startsWith('CMD '))?.slice('CMD '.length) ?? '';
    const [program, script] = JSON.parse(command) as string[];
    assert.equal(program, 'node');
    assert.ok(existsSync(join(root, script ?? 'nothing')));
    assert.ok(dockerfile.includes('USER node'));
    const image = dockerfile.find((line) => line.startsWith('ARG NODE_IMAGE='));
    assert.equal(image, `ARG NODE_IMAGE=node:${manifest.devDependencies.node}-bookworm-slim`);
  });

  it('has the ssh-keygen that votes are checked with', () => {
    assert.ok(dockerfile.some((line) => /apt-get install .*openssh-client/.test(line)));
  });

  it('has the command line on the PATH', () => {
    assert.ok(
      dockerfile.some((line) => line.includes('/app/bin/tidegate /usr/local/bin/tidegate')),
    );
    assert.ok(existsSync(join(root, manifest.bin.tidegate)));
  });
});
