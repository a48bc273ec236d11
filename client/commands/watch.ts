/** `tidegate watch NAME`: live progress over waves and nodes until the rollout ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { EXIT, exitCodeOf, TidegateError } from '../errors.ts';
import { printable } from '../render/look.ts';
import { renderOutcome } from '../render/outcome.ts';
import { changesBetween, renderChange, renderFrame, Screen } from '../render/progress.ts';
import type { RolloutClient } from '../rollout-client.ts';
import type { RolloutView } from '../view.ts';
import { type CommandContext, globalOptions, withClient, withExamples } from './command.ts';

const INTERVAL_MS = 500;
/** How long Temporal may be away before the watch gives up; the rollout itself goes on. */
const PATIENCE_MS = 120_000;

interface Watch {
  readonly context: CommandContext;
  readonly command: Command;
  readonly client: RolloutClient;
  readonly rollout: string;
}

/** Shows a rollout until it ends; returns the exit code of its outcome. */
export async function watchRollout(watch: Watch): Promise<number> {
  const { context, command, client, rollout } = watch;
  const show = displayFor(context, command);
  let failingSince: number | undefined;
  for (;;) {
    try {
      const view = await client.status(rollout);
      failingSince = undefined;
      show.view(view);
      if (view.state !== 'Running') return finish(watch, view, show);
    } catch (error) {
      const now = context.terminal.now();
      failingSince ??= now;
      const hopeless = !(error instanceof TidegateError) || error.exitCode === EXIT.refused;
      if (hopeless || now - failingSince > PATIENCE_MS) throw error;
      show.trouble(error.message);
    }
    await sleep(INTERVAL_MS);
  }
}

function finish(watch: Watch, view: RolloutView, show: Display): number {
  const { terminal } = watch.context;
  const { outcome, failure, status } = view;
  if (outcome) {
    const text = renderOutcome(outcome, terminal.look, status?.judgements);
    show.end(`${printable(text)}\n`, outcome);
    return exitCodeOf(outcome.outcome);
  }
  show.end('', failure ?? {});
  terminal.err(`Rollout ${view.rollout}: ${failure?.message ?? view.state}\n`);
  return failure?.exitCode ?? EXIT.error;
}

interface Display {
  readonly view: (view: RolloutView) => void;
  readonly trouble: (message: string) => void;
  readonly end: (text: string, json: unknown) => void;
}

function displayFor(context: CommandContext, command: Command): Display {
  const { terminal } = context;
  if (globalOptions(command).output === 'json') return jsonLines(context);
  return terminal.look.aligned ? redrawn(context) : changeLines(context);
}

function redrawn({ terminal }: CommandContext): Display {
  const { out, look, now } = terminal;
  const screen = new Screen();
  return {
    view: (view) => out(screen.draw(printable(renderFrame(view, now(), look)), look.width)),
    trouble: (message) => out(screen.draw(printable(message), look.width)),
    end: (text) => out(screen.clear() + text),
  };
}

function changeLines({ terminal }: CommandContext): Display {
  const { out, err, look, now } = terminal;
  let last: RolloutView | undefined;
  let lastTrouble = '';
  return {
    view: (view) => {
      for (const change of changesBetween(last, view, now())) {
        out(`${printable(renderChange(change, look))}\n`);
      }
      last = view;
      lastTrouble = '';
    },
    trouble: (message) => {
      if (message !== lastTrouble) err(`${message}\n`);
      lastTrouble = message;
    },
    end: (text) => out(text === '' ? '' : `\n${text}`),
  };
}

/** One JSON object a line: changes as they come, and the outcome at last. */
function jsonLines({ terminal }: CommandContext): Display {
  const { out, err, now } = terminal;
  const line = (value: unknown) => out(`${JSON.stringify(value)}\n`);
  let last: RolloutView | undefined;
  return {
    view: (view) => {
      for (const change of changesBetween(last, view, now())) line(change);
      last = view;
    },
    trouble: (message) => err(`${message}\n`),
    end: (_text, json) => line(json),
  };
}

/** Adds the command `watch`. */
export function addWatch(program: Command, context: CommandContext): void {
  const command = program
    .command('watch')
    .description("show live progress until the rollout ends; exit with its outcome's code")
    .argument('<name>', "the rollout's name")
    .action(async (rollout: string, _options: unknown, self: Command) => {
      await withClient(context, self, async (client) => {
        context.exitWith(await watchRollout({ context, command: self, client, rollout }));
      });
    });
  withExamples(command, [
    'tidegate watch containerd-deb12u3',
    'tidegate watch containerd-deb12u3 | tee rollout.log',
  ]);
}
