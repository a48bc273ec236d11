/** The worker's log: JSON lines on stdout, or plain lines where a person reads along. */
import { DefaultLogger, type LogLevel } from '@temporalio/worker';
import { type Logger, pino } from 'pino';

const NOISE = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'sdkComponent', 'namespace']);

/** Returns the worker's logger. */
export function workerLog(level: string): Logger {
  const options = {
    level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (!process.stdout.isTTY) return pino(options, process.stdout);
  return pino(options, { write: (line: string) => process.stdout.write(plain(line)) });
}

function plain(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const time = new Date(Number(entry['time'])).toISOString().slice(11, 19);
  const level = String(entry['level']).toUpperCase().padEnd(5);
  const rest = Object.entries(entry)
    .filter(([key]) => !NOISE.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${time} ${level} ${[String(entry['msg']), ...rest].join('  ')}\n`;
}

/** Returns the logger that Temporal's SDK writes to, going into ours. */
export function sdkLogger(log: Logger): DefaultLogger {
  const levels: Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'> = {
    TRACE: 'trace',
    DEBUG: 'debug',
    INFO: 'info',
    WARN: 'warn',
    ERROR: 'error',
  };
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    // Intended: the workers of cluster queues have activities only.
    if (message.startsWith('No workflows registered')) return;
    log[levels[level]](toJson(meta ?? {}), message);
  });
}

/** Temporal's metadata holds errors, which JSON would drop, and big integers, which it refuses. */
function toJson(meta: object): object {
  return Object.fromEntries(
    Object.entries(meta).map(([key, value]) => {
      if (value instanceof Error) return [key, value.stack ?? value.message];
      return [key, typeof value === 'bigint' ? String(value) : value];
    }),
  );
}
