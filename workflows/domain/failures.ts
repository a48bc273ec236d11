/** The closed list of failure types: what each means, whether a retry can help, what to do. */
export const FAILURES = {
  InvalidDocument: {
    retryable: false,
    meaning: 'A document has a wrong key, type or value.',
    action: 'Correct the field that the message names and start again.',
  },
  UnknownDocument: {
    retryable: false,
    meaning: "A document is named that the worker's configuration folder does not hold.",
    action: 'Put the document into the folder, or write it inline.',
  },
  PlanRefused: {
    retryable: false,
    meaning: 'The plan breaks a rule or does not fit the nodes as they are.',
    action: 'Read the reasons; each says what to change.',
  },
  PlanTooLarge: {
    retryable: false,
    meaning: 'The plan does not fit into one Temporal payload.',
    action: 'Narrow spec.targets and roll out in several rollouts.',
  },
  KubernetesForbidden: {
    retryable: false,
    meaning: "The worker's Kubernetes account lacks a permission.",
    action: 'Apply deploy/rbac.yaml or correct the kubeconfig.',
  },
  KubernetesUnreachable: {
    retryable: true,
    meaning: 'The API server did not answer or answered with a passing error.',
    action: 'Wait; if it lasts, look at the API server and the network.',
  },
  KubeconfigInvalid: {
    retryable: false,
    meaning: 'The kubeconfig or its context cannot be read.',
    action: "Correct the Fleet's kubeconfig and context.",
  },
  NodeGone: {
    retryable: false,
    meaning: 'The Node object does not exist.',
    action: 'Plan again; the node was removed or renamed.',
  },
  LeaseHeld: {
    retryable: false,
    meaning: 'Another rollout or tool holds the lease of the cluster or node.',
    action: 'Wait for the holder that the message names, or end it.',
  },
  HostUnreachable: {
    retryable: true,
    meaning: 'No SSH connection could be made, or it was lost.',
    action: 'Look at the host, its sshd and the network.',
  },
  HostKeyMismatch: {
    retryable: false,
    meaning: "The host's key is not the pinned one, or none is pinned.",
    action: 'Find out why; then pin the right key in the known_hosts file.',
  },
  HostAuthRefused: {
    retryable: false,
    meaning: 'The host refused the user or key, or sudo asked for a password.',
    action: "Correct the Fleet's ssh settings or the host's authorized_keys and sudoers.",
  },
  HostCommandFailed: {
    retryable: true,
    meaning: 'A command on the host failed for no reason that Tidegate knows.',
    action: 'Read the output in the message.',
  },
  DiskFull: {
    retryable: false,
    meaning: 'The node has too little space left for the packages.',
    action: 'Free space on /var of the node; nothing was changed.',
  },
  PackageUnavailable: {
    retryable: false,
    meaning: "The node's package sources do not offer the version.",
    action: 'Publish the package to the repository, or correct the bundle.',
  },
  DigestMismatch: {
    retryable: false,
    meaning: 'The package has another sha256 than the bundle says.',
    action: 'Do not install it. Find out who changed the package or the bundle.',
  },
  PackageHeld: {
    retryable: false,
    meaning: 'A package of the bundle is on hold on the node.',
    action: 'Take the hold off ("apt-mark unhold"), or say onHold: Rehold in the bundle.',
  },
  DpkgBusy: {
    retryable: true,
    meaning: 'Another process holds the dpkg lock.',
    action: 'Wait for the process that the message names.',
  },
  DrainBlocked: {
    retryable: false,
    meaning: 'Pods were still on the node when the drain time was up.',
    action: 'Look at the blockers that the message names.',
  },
  JobsRunning: {
    retryable: false,
    meaning: 'Jobs outlasted their time, and the policy leaves their node for later.',
    action: 'Nothing: the node comes last. If they still run then, it is left alone.',
  },
  JobsUndecided: {
    retryable: false,
    meaning: 'Jobs outlasted their time, and the policy asks a person what to do.',
    action: 'Decide with "tidegate jobs"; the node waits, cordoned.',
  },
  QuarantineFull: {
    retryable: false,
    meaning: 'As many nodes of the cluster are in quarantine as the policy allows.',
    action: 'Put one of them right; this node was put back as it was found.',
  },
  NodeNotBack: {
    retryable: false,
    meaning: 'The node did not come back from its reboot in time.',
    action: 'Look at its console; it is cordoned and in quarantine.',
  },
  ApplyFailed: {
    retryable: false,
    meaning: 'The installation on the node ended with an error.',
    action: "Read the unit's journal on the node; the node was put back.",
  },
  VerificationFailed: {
    retryable: false,
    meaning: 'After the step the node is not as it must be.',
    action: 'Read the failed checks in the message.',
  },
  LedgerUnavailable: {
    retryable: true,
    meaning: "The ledger's database, or Temporal before it, did not answer.",
    action: 'Wait; if it lasts, look at the database. Nothing is lost meanwhile.',
  },
} as const;

export type FailureType = keyof typeof FAILURES;
export const FAILURE_TYPES = Object.keys(FAILURES) as FailureType[];
