import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeEviction } from '../../activities/adapters/kube.ts';
import {
  apiAnswer,
  failApi,
  lookUp,
  unlessRefused,
} from '../../activities/adapters/kube-errors.ts';
import { failure, failureType } from '../../activities/failure.ts';
import { FAILURE_TYPES, FAILURES } from '../../workflows/domain/failures.ts';

/** An error as the Kubernetes client throws it: the body is the status as text. */
function apiError(code: number, message: string, causes: readonly string[] = []): Error {
  const status = { message, details: { causes: causes.map((reason) => ({ reason })) } };
  return Object.assign(new Error(`HTTP-Code: ${code}`), { code, body: JSON.stringify(status) });
}

function typeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return failureType(error);
  }
  return 'no failure';
}

describe('failure', () => {
  for (const type of FAILURE_TYPES) {
    it(`${type} is ${FAILURES[type].retryable ? 'retried' : 'final'}`, () => {
      const error = failure(type, 'message', { detail: 1 });
      assert.equal(error.type, type);
      assert.equal(error.nonRetryable, !FAILURES[type].retryable);
      assert.equal(failureType(error), type);
    });
  }
  it('knows no other errors', () => {
    assert.equal(failureType(new Error('x')), undefined);
    assert.equal(failureType(undefined), undefined);
  });
});

describe('errors of the Kubernetes API', () => {
  const cases: [string, unknown, string][] = [
    [
      'no answer',
      new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }),
      'Unreachable',
    ],
    ['a deadline', new DOMException('timed out', 'TimeoutError'), 'Unreachable'],
    ['401', apiError(401, 'Unauthorized'), 'Forbidden'],
    ['403', apiError(403, 'may not'), 'Forbidden'],
    ['422', apiError(422, 'invalid'), 'Forbidden'],
    ['429', apiError(429, 'slow down'), 'Unreachable'],
    ['500', apiError(500, 'etcd'), 'Unreachable'],
    ['503', apiError(503, 'starting'), 'Unreachable'],
  ];
  for (const [title, error, type] of cases) {
    it(`${title}: Kubernetes${type}`, () => {
      assert.equal(
        typeOf(() => failApi('get node x', error)),
        `Kubernetes${type}`,
      );
    });
  }
  it('reads the status of an answer', () => {
    const answer = apiAnswer(apiError(429, 'no', ['DisruptionBudget']));
    assert.deepEqual(answer, { code: 429, message: 'no', causes: ['DisruptionBudget'] });
  });
});

describe('lookUp', () => {
  const looking = (error: Error) => lookUp('get node x', () => Promise.reject(error));

  it('takes "not found" for an answer, and nothing else', async () => {
    assert.equal(await looking(apiError(404, 'not found')), undefined);
    await assert.rejects(looking(apiError(410, 'gone')), { type: 'KubernetesForbidden' });
    await assert.rejects(looking(apiError(500, 'etcd')), { type: 'KubernetesUnreachable' });
  });
});

describe('a write that a webhook denies', () => {
  it('is not put down to our permissions', () => {
    const help = (message: string) => {
      try {
        failApi('patch node x', apiError(403, message));
      } catch (error) {
        return (error as Error).message;
      }
    };
    assert.match(help(WEBHOOK) ?? '', /pods\.example\.com.*Let what denies it admit it\.$/);
    assert.match(help(RBAC) ?? '', /Apply deploy\/rbac\.yaml/);
  });
});

describe('unlessRefused', () => {
  const tried = async (answers: readonly (Error | 'fine')[]) => {
    let calls = 0;
    const work = async () => {
      const answer = answers[calls++] ?? 'fine';
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const end = await unlessRefused(work, [1, 1]).catch((error: Error) => error.message);
    return [end, calls];
  };
  const refused = apiError(403, 'may not');

  it('outwaits an API server that has just started and knows nobody yet', async () => {
    assert.deepEqual(await tried([refused, apiError(401, 'who'), 'fine']), ['fine', 3]);
  });
  it('gives up where the refusal stays', async () => {
    assert.deepEqual(await tried([refused, refused, refused, 'fine']), [refused.message, 3]);
  });
  it('makes no call again for anything else', async () => {
    const going = apiError(403, 'going', ['NamespaceTerminating']);
    for (const error of [apiError(404, 'no'), going, apiError(403, WEBHOOK)]) {
      assert.deepEqual(await tried([error]), [error.message, 1]);
    }
  });
});

const WEBHOOK = 'admission webhook "pods.example.com" denied the request: it holds the lock';

const POLICY = `evictions.policy "web" is forbidden: ValidatingAdmissionPolicy 'calm' with binding 'calm' denied request: not now`;
const BEHIND =
  'poddisruptionbudget.policy "web" is forbidden: DisruptedPods map too big - too many evictions not confirmed by PDB controller';
const RBAC =
  'pods "web" is forbidden: User "system:serviceaccount:tidegate:tidegate-worker" cannot create resource "pods/eviction" in API group "" in the namespace "shop"';

describe('judgeEviction', () => {
  const budget = apiError(429, 'Cannot evict pod as it would violate', ['DisruptionBudget']);
  const cases: [string, Error, string][] = [
    ['a budget', budget, 'BudgetRefused'],
    ['throttling', apiError(429, 'Too many requests, please try again later.'), 'TryLater'],
    ['two budgets', apiError(500, 'This pod has more than one PodDisruptionBudget'), 'Failed'],
    ['a webhook that denies it', apiError(403, WEBHOOK), 'Failed'],
    ['one that denies in words of its own', apiError(409, WEBHOOK), 'Failed'],
    ['a policy that denies it', apiError(422, POLICY), 'Failed'],
    ['a budget behind its evictions', apiError(403, BEHIND), 'BudgetRefused'],
    [
      'one that cannot be asked',
      apiError(500, 'Internal error occurred: failed calling webhook "pods.example.com"'),
      'Failed',
    ],
    ['a pod that is gone', apiError(404, 'not found'), 'Gone'],
    ['another pod of that name', apiError(409, 'uid precondition'), 'Gone'],
    ['a passing error', apiError(503, 'starting'), 'TryLater'],
    [
      'a namespace that is going',
      apiError(403, 'is being terminated', ['NamespaceTerminating']),
      'TryLater',
    ],
  ];
  for (const [title, error, kind] of cases) {
    it(`${title}: ${kind}`, () => assert.equal(judgeEviction(error, 'evict').kind, kind));
  }
  it('hears for how long the API server has no time', () => {
    const busy = Object.assign(apiError(429, 'Too many requests'), {
      headers: { 'Retry-After': '7' },
    });
    const answer = { kind: 'TryLater', message: 'Too many requests', retryAfterSeconds: 7 };
    assert.deepEqual(judgeEviction(busy, 'evict'), answer);
  });
  it('a missing permission is a failure', () => {
    const type = typeOf(() => judgeEviction(apiError(403, RBAC), 'evict'));
    assert.equal(type, 'KubernetesForbidden');
  });
});
