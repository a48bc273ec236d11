/** Finds a cluster's credentials on the worker and makes API clients with a deadline. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type ApiConstructor,
  createConfiguration,
  KubeConfig,
  type Middleware,
  ServerConfiguration,
} from '@kubernetes/client-node';
import type { ClusterAccess } from '../../workflows/domain/inventory.ts';
import { fail, messageOf } from '../failure.ts';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
/** For one call, its answer's body included. */
const CALL_DEADLINE_MS = 10_000;

const cache = new Map<string, KubeConfig>();

/** Returns the credentials of a cluster; read again when the file has changed. */
export function loadKubeConfig(access: ClusterAccess): KubeConfig {
  const file = access.kubeconfig ? resolve(access.kubeconfig) : undefined;
  const age = file && existsSync(file) ? statSync(file).mtimeMs : 0;
  const key = JSON.stringify([file, age, access.context, access.cluster]);
  const cached = cache.get(key);
  if (cached) return cached;
  const config = read(access, file);
  cache.set(key, config);
  return config;
}

function read(access: ClusterAccess, file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file) config.loadFromFile(file);
    else config.loadFromDefault();
  } catch (error) {
    fail(
      'KubeconfigInvalid',
      `Cluster ${access.cluster}: ${access.kubeconfig ?? 'the default kubeconfig'} cannot be read: ${messageOf(error)}`,
    );
  }
  const inCluster = !file && !access.context && existsSync(SERVICE_ACCOUNT_TOKEN);
  if (inCluster && config.getCurrentContext() === 'inClusterContext') return config;
  const context = access.context ?? access.cluster;
  const known = config.getContexts().map((entry) => entry.name);
  if (!known.includes(context)) {
    fail(
      'KubeconfigInvalid',
      `Cluster ${access.cluster}: there is no context "${context}" in ${access.kubeconfig ?? 'the default kubeconfig'}; it has: ${known.join(', ') || 'none'}. Correct the Fleet's kubeconfig and context.`,
    );
  }
  config.setCurrentContext(context);
  if (!config.getCurrentCluster()?.server) {
    fail(
      'KubeconfigInvalid',
      `Cluster ${access.cluster}: context "${context}" names no API server. Correct the kubeconfig.`,
    );
  }
  return config;
}

/** Returns a typed client of one API group; patches are merge patches, each call has a deadline. */
export function apiClient<T extends object>(config: KubeConfig, type: ApiConstructor<T>): T {
  const deadline: Middleware = {
    pre: async (request) => {
      request.setSignal(AbortSignal.timeout(CALL_DEADLINE_MS));
      request.setHeaderParam('User-Agent', 'tidegate');
      if (request.getHttpMethod() === 'PATCH') {
        request.setHeaderParam('Content-Type', 'application/merge-patch+json');
      }
      return request;
    },
    post: async (response) => response,
  };
  return new type(
    createConfiguration({
      baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? '', {}),
      authMethods: { default: config },
      promiseMiddleware: [deadline],
    }),
  );
}
