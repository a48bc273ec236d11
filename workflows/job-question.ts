/** Asks a person what becomes of Jobs that outlast their time on a node. */
import { condition } from '@temporalio/workflow';
import { JOB_CHOICES, JOBS_MESSAGE, type JobChoice, type JobDecision } from './contract.ts';
import { judgeJobDecision } from './domain/approval.ts';
import { keyOf } from './domain/lifecycle.ts';
import type { PlannedNode } from './domain/plan-types.ts';
import { LedgerNotes } from './ledger-notes.ts';
import { onMessage } from './messages.ts';
import type { NodeRun } from './node-run.ts';

export class JobQuestion {
  /** What was said last; absent while nobody was asked. */
  answer: JobChoice | undefined;
  private readonly run: NodeRun;
  private readonly rollout: string;
  private readonly target: PlannedNode;
  private open = false;
  /** Made with the first decision: most nodes have none, and their histories stay as short as they are. */
  ledger: LedgerNotes | undefined;

  constructor(rollout: string, target: PlannedNode, run: NodeRun) {
    this.rollout = rollout;
    this.target = target;
    this.run = run;
    onMessage<JobDecision>({
      name: JOBS_MESSAGE,
      description: 'Decide about Jobs that outlast their time: {"by": "WHO", "choice": "Wait"}',
      refuse: (decision) => [
        ...(this.open ? [] : ['nothing is asked about Jobs of this node now']),
        ...judgeJobDecision(decision, JOB_CHOICES),
      ],
      take: (decision) => this.decide(decision),
      took: (decision, answer) => this.notes().took(decision, answer),
      refused: (decision, reasons) => this.notes().refused(decision, reasons),
    });
  }

  /** Shows the question and waits for an answer, however long that takes; cancelling ends it. */
  async ask(why: string): Promise<void> {
    this.open = true;
    const answers = `tidegate jobs ${this.rollout} ${this.target.node} --wait | --later | --evict --as WHO`;
    this.run.ask(`${why} (${answers})`);
    try {
      await condition(() => !this.open);
    } finally {
      this.open = false;
      this.run.ask('');
    }
  }

  private notes() {
    this.ledger ??= new LedgerNotes(this.rollout);
    return this.ledger.ofCommand<JobDecision>(JOBS_MESSAGE, { subject: keyOf(this.target) });
  }

  private decide({ by, choice, reason }: JobDecision): string {
    this.answer = choice;
    this.open = false;
    const because = reason ? `: ${reason}` : '';
    this.run.note({ notes: [`${by} decided about running Jobs: ${choice}${because}`] });
    switch (choice) {
      case 'Wait':
        return 'the Jobs are waited for once more';
      case 'Later':
        return 'the node is left for later and comes last';
      case 'Evict':
        return 'the Jobs are evicted';
    }
  }
}
