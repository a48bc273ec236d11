/** The log of `tidegate chat`: JSON lines, as a worker writes them. */
import type { LogLevel } from '@slack/bolt';
import { type Logger, pino } from 'pino';

/** Returns a log that writes its lines to `write`. */
export function chatLog(level: string, write: (line: string) => void): Logger {
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, formatters }, { write });
}

/** Returns the log that Bolt writes to, going into ours; what people type is in none of it. */
export function boltLogger(log: Logger) {
  const words = (parts: unknown[]) => parts.map(String).join(' ');
  return {
    debug: () => undefined,
    info: (...parts: unknown[]) => log.debug({ from: 'slack' }, words(parts)),
    warn: (...parts: unknown[]) => log.warn({ from: 'slack' }, words(parts)),
    error: (...parts: unknown[]) => log.error({ from: 'slack' }, words(parts)),
    setLevel: () => undefined,
    setName: () => undefined,
    getLevel: () => 'info' as LogLevel,
  };
}
