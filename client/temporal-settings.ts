/** Temporal's own settings: its configuration file and the TEMPORAL_* variables, as its command line reads them. */
import {
  type ClientConnectConfig,
  loadClientConfigProfile,
  toClientOptions,
} from '@temporalio/envconfig';

type Env = Readonly<Record<string, string | undefined>>;

/** Returns how to connect; throws where a setting can't be followed. */
export function temporalSettings(env: Env, profile?: string): ClientConnectConfig {
  const variables = Object.entries(env).filter((pair): pair is [string, string] => !!pair[1]);
  const settings = loadClientConfigProfile({
    overrideEnvVars: Object.fromEntries(variables),
    ...(profile ? { profile } : {}),
  });
  const { disabled, clientCert, clientKey } = settings.tls ?? {};
  // One without the other would be left out in silence, and the server would see nobody.
  if (!disabled && !clientCert !== !clientKey) {
    const [given, missing] = clientCert ? ['certificate', 'key'] : ['key', 'certificate'];
    throw new Error(
      `there is a client ${given} without its ${missing}: set both TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH (or …_DATA)`,
    );
  }
  return toClientOptions(settings);
}
