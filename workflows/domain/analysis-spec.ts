/** What a Policy says of measuring: which indicators, what may become worse by how much, who alerts. */
import { z } from 'zod';
import { distinct, name, seconds } from './spec-fields.ts';

/** What Tidegate measures by itself, and "Query" for what a provider knows. */
export const SOURCES = [
  'ContainerStart',
  'PodStart',
  'ImagePull',
  'PodRestarts',
  'RuntimeErrors',
  'NodeConditions',
  'DaemonCpu',
  'DaemonMemory',
  'Query',
] as const;
export type Source = (typeof SOURCES)[number];

const url = z.url({ protocol: /^https?$/, error: 'an http or https URL' });

const providerSchema = z.strictObject({
  name,
  kind: z.enum(['Prometheus']).describe('Anything that answers the HTTP API of Prometheus.'),
  url: url.describe('As the worker reaches it, e.g. "http://prometheus.monitoring:9090".'),
  timeoutSeconds: seconds.min(1).max(60).default(5),
  tokenFile: z.string().min(1).optional().describe('File on the worker that holds a bearer token.'),
});

const indicatorSchema = z.strictObject({
  name,
  source: z.enum(SOURCES),
  provider: name.optional().describe('For Query: the name of one of the providers.'),
  query: z
    .string()
    .min(1)
    .optional()
    .describe('For Query: PromQL with $node and $cluster; it has to give one number.'),
  scope: z
    .enum(['Node', 'Fleet'])
    .default('Node')
    .describe('Fleet: one number for all nodes, which nothing can be compared with but its past.'),
  worse: z.enum(['Higher', 'Lower']).default('Higher'),
  tolerance: z
    .number()
    .min(0)
    .optional()
    .describe('What it may become worse by, in its unit; default: by its source.'),
  tolerancePercent: z
    .number()
    .min(0)
    .optional()
    .describe('The same in percent of the baseline; the larger of both counts.'),
});

/** Commands run in containers of the image, with a scratch folder /load; the defaults are for busybox. */
const loadSchema = z.strictObject({
  image: z.string().min(1),
  churnPods: z.number().int().min(0).max(20).default(4).describe('Started and ended each round.'),
  churnCommand: z.array(z.string()).min(1).default(['true']),
  ioCommand: z
    .array(z.string())
    .min(1)
    .default([
      'sh',
      '-c',
      'while :; do dd if=/dev/zero of=/load/file bs=1M count=8 conv=fsync 2>/dev/null; done',
    ])
    .describe('Writes until it is told to stop.'),
  serverCommand: z
    .array(z.string())
    .min(1)
    .default([
      'sh',
      '-c',
      'head -c 1048576 /dev/zero >/load/file && exec httpd -f -p 8080 -h /load',
    ])
    .describe('Serves on port 8080.'),
  clientCommand: z
    .array(z.string())
    .min(1)
    .default([
      'sh',
      '-c',
      'while :; do wget -q -O /dev/null http://$(TIDEGATE_PEER):8080/file; done',
    ])
    .describe('Reads from the server, whose address is $(TIDEGATE_PEER).'),
});

export const analysisSchema = z
  .strictObject({
    intervalSeconds: seconds
      .min(1)
      .default(30)
      .describe('From the beginning of one round of measurements to that of the next.'),
    baselineRounds: z.number().int().min(1).max(60).default(8),
    minSamples: z
      .number()
      .int()
      .min(5)
      .max(100)
      .default(8)
      .describe('Rounds of a soak in which both sides have to answer.'),
    confidence: z
      .number()
      .min(0.8)
      .max(0.9999)
      .default(0.99)
      .describe('Of the test; a Fail needs it, and more than the tolerance.'),
    maxNodes: z
      .number()
      .int()
      .min(1)
      .max(50)
      .default(8)
      .describe('Nodes that are measured of each side, patched and not.'),
    extendSeconds: seconds
      .default(300)
      .describe('What an Inconclusive or an Error adds to the soak.'),
    maxExtensions: z
      .number()
      .int()
      .min(0)
      .max(20)
      .default(2)
      .describe('After so many of them a person is asked.'),
    maxErrors: z
      .number()
      .int()
      .min(0)
      .default(2)
      .describe(
        'How many of the last minSamples + maxErrors rounds of a soak may be without an answer; with more it is an Error.',
      ),
    pullImage: z
      .string()
      .min(1)
      .optional()
      .describe('For ImagePull: an image that nothing else uses; it is removed and pulled again.'),
    load: loadSchema
      .optional()
      .describe('What `tidegate validate` drives a node with; without it there is no peak.'),
    validation: z
      .enum(['Optional', 'Require'])
      .default('Optional')
      .describe('Require: no plan without a passed `tidegate validate` of the same bundle.'),
    providers: distinct(z.array(providerSchema), (entry) => entry.name).default([]),
    indicators: distinct(z.array(indicatorSchema), (entry) => entry.name)
      .default([])
      .describe('Default: what Tidegate measures by itself.'),
  })
  .superRefine((spec, context) => {
    for (const [index, entry] of spec.indicators.entries()) {
      const refuse = (field: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['indicators', index, field], message });
      const isQuery = entry.source === 'Query';
      if (isQuery && entry.query === undefined) refuse('query', 'a Query needs one');
      if (!isQuery && entry.query !== undefined) refuse('query', 'only for the source Query');
      if (!isQuery && entry.scope === 'Fleet')
        refuse('scope', 'Fleet is only for the source Query');
      if (isQuery && !spec.providers.some(({ name: known }) => known === entry.provider)) {
        const known = spec.providers.map((provider) => provider.name).join(', ') || 'none';
        refuse('provider', `has to name one of the providers (there is ${known})`);
      }
      if (isQuery && entry.tolerance === undefined && entry.tolerancePercent === undefined) {
        refuse('tolerance', 'a Query needs a tolerance or a tolerancePercent');
      }
      if (entry.source === 'ImagePull' && spec.pullImage === undefined) {
        refuse('source', 'ImagePull needs analysis.pullImage');
      }
    }
  });

/** Alerts that the update itself would raise are silenced for the nodes in work. */
export const alertsSchema = z.strictObject({
  alertmanager: url.describe('As the worker reaches it, e.g. "http://alertmanager:9093".'),
  nodeLabel: z
    .string()
    .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'a label name')
    .default('node')
    .describe('Label of alerts that names the node.'),
  matchers: z
    .record(z.string(), z.string())
    .default({})
    .describe('Labels that an alert has to have besides, to be silenced; none: all of that node.'),
  leaseSeconds: seconds
    .min(60)
    .default(300)
    .describe('A silence ends by itself so long after it was last renewed.'),
  tokenFile: z.string().min(1).optional().describe('File on the worker that holds a bearer token.'),
});

/** A node that is left out for now, by somebody's leave. */
export const exceptionSchema = z.strictObject({
  name,
  nodes: z.array(z.string().min(1)).min(1).describe('Names, or "cluster/name".'),
  reason: z.string().min(1),
  approvedBy: z.string().min(1),
  until: z.iso.date().describe('The last day on which it holds, in UTC.'),
});

export type Analysis = z.infer<typeof analysisSchema>;
export type Indicator = z.infer<typeof indicatorSchema>;
export type Provider = z.infer<typeof providerSchema>;
export type Load = z.infer<typeof loadSchema>;
export type Alerts = z.infer<typeof alertsSchema>;
