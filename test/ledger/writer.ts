/** Writes entries in batches until it is killed: `writer.ts URL FROM COUNT BATCH`. */
import { ledgerAt } from '../../ledger/store.ts';
import { entries } from './kit.ts';

const [url = '', from = '1', count = '0', batch = '1'] = process.argv.slice(2);
const ledger = ledgerAt(url);
const end = Number(from) + Number(count);
let added = 0;
for (let next = Number(from); next < end; next += Number(batch)) {
  const some = entries(next, Math.min(Number(batch), end - next));
  added += (await ledger.append(some, new Date().toISOString())).added;
  process.stdout.write(`wrote ${next}\n`);
}
await ledger.close();
process.stdout.write(`added ${added}\n`);
