import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { withLock } from './lock.ts';
import { ssh } from './node.ts';
import { reap } from './reap.ts';
import { messageOf } from './run.ts';
import { nodeNamed } from './settings.ts';
import { status } from './status.ts';
import { heading, say, task } from './tasks.ts';
import { testServer } from './test-server.ts';
import { sayWhere, up } from './up.ts';
import { ensureWorkload } from './workload.ts';

const lockFile = '/run/tidegate.lock';

interface Command {
  readonly usage: string;
  readonly help: string;
  readonly options?: Readonly<Record<string, { readonly type: 'boolean' }>>;
  readonly onThisMachine: boolean;
  readonly run: (input: Input) => Promise<number>;
}

interface Input {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
}

const commands: Readonly<Record<string, Command>> = {
  up: {
    usage: 'up [--workload] [--replace]',
    help: `Brings up a real Kubernetes fleet on this machine: five nodes, control plane, package
repository and Temporal. What runs already stays as it is; the first time takes minutes, later
ones take what they need from the cache.

  --workload  also deploys the example workload and waits until it runs
  --replace   takes away the lab of another checkout first, even while it runs`,
    options: { workload: { type: 'boolean' }, replace: { type: 'boolean' } },
    onThisMachine: true,
    run: async ({ flags }) => {
      await withLock(lockFile, async () => {
        await up({ replace: flags['replace'] === true });
        if (flags['workload'] === true) await task('workload', ensureWorkload);
      });
      sayWhere();
      return 0;
    },
  },
  down: {
    usage: 'down',
    help: `Takes the lab away with everything it made on this machine: processes, mounts, network,
cgroups, kernel settings and .lab/. The cache stays. Also cleans up after a crash.`,
    onThisMachine: true,
    run: async () => {
      heading('Tidegate lab: down');
      await withLock(lockFile, () => task('removed', reap));
      return 0;
    },
  },
  status: {
    usage: 'status',
    help: 'Shows what runs of the lab; exits with 1 unless all of it does.',
    onThisMachine: true,
    run: async () => ((await status()) ? 0 : 1),
  },
  workload: {
    usage: 'workload',
    help: 'Deploys the example workload into the cluster and waits until it runs.',
    onThisMachine: true,
    run: async () => {
      await task('workload', ensureWorkload);
      return 0;
    },
  },
  ssh: {
    usage: 'ssh NODE [COMMAND...]',
    help: 'Logs in to a node as root, or runs a command on it.',
    onThisMachine: true,
    run: ({ words: [name = '', ...words] }) => {
      const [file = '', ...args] = ssh(nodeNamed(name), ...words);
      return new Promise((settle, reject) => {
        const child = spawn(file, args, { stdio: 'inherit' });
        child.once('error', reject);
        child.once('close', (code) => settle(code ?? 255));
      });
    },
  },
  'test-server': {
    usage: 'test-server',
    help: `Prints the path of Temporal's time-skipping test server, fetching it first if need be.
Needs neither root nor the lab.`,
    onThisMachine: false,
    run: async () => {
      say(await testServer());
      return 0;
    },
  },
};

const overview = `Usage: node lab/main.ts COMMAND [--help]

${Object.values(commands)
  .map(({ usage, help }) => `  ${usage.padEnd(30)} ${help.split(/[.:;]/)[0]?.replace('\n', ' ')}`)
  .join('\n')}
`;

async function main(words: readonly string[]): Promise<number> {
  const [name = '', ...rest] = words;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    say(overview);
    return name === '' || name === '--help' || name === '-h' ? 0 : 2;
  }
  const passThrough = name === 'ssh' && rest[0] !== '--help' && rest[0] !== '-h';
  const help = { type: 'boolean', short: 'h' } as const;
  const { values, positionals } = passThrough
    ? { values: {} as Record<string, unknown>, positionals: rest }
    : parseArgs({
        args: [...rest],
        options: { help, ...command.options },
        allowPositionals: name === 'ssh',
      });
  if (values['help'] === true) {
    say(`Usage: node lab/main.ts ${command.usage}\n\n${command.help}`);
    return 0;
  }
  if (command.onThisMachine && (process.platform !== 'linux' || process.getuid?.() !== 0)) {
    throw new Error(
      'the lab needs Linux and root: use `docker compose up` and a cluster of your own instead',
    );
  }
  return command.run({ flags: values, words: positionals });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`lab: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
