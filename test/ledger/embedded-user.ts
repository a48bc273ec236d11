/** Uses the embedded ledger of a folder until its input ends: `embedded-user.ts FOLDER FROM COUNT`. */
import { embeddedSource } from '../../ledger/embedded.ts';
import { ledgerAt } from '../../ledger/store.ts';
import { entries } from './kit.ts';

const [folder = '', from = '1', count = '1'] = process.argv.slice(2);
const ledger = ledgerAt(embeddedSource(folder));
const { added } = await ledger.append(entries(Number(from), Number(count)), '2026-11-24T22:00:01Z');
process.stdout.write(`added ${added}\n`);
process.stdin.on('end', async () => {
  await ledger.close();
  process.exit(0);
});
process.stdin.resume();
