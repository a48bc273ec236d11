/** Signs and checks what goes over a webhook: HMAC-SHA256 over version, time and body. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const VERSION = 'v1';
/** How far clocks may be apart. */
export const SKEW_SECONDS = 300;

/** Returns the signature's header: "v1=" and the hex digest of "v1:timestamp:body". */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  const mac = createHmac('sha256', secret).update(`${VERSION}:${timestamp}:${body}`);
  return `${VERSION}=${mac.digest('hex')}`;
}

/** What came in. */
export interface SignedRequest {
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
  readonly body: string;
}

/** Returns why a request is not believed; undefined where it is. */
export function whyNotBelieved(
  request: SignedRequest,
  options: { readonly secret: string; readonly nowMs: number },
): string | undefined {
  const { timestamp, signature, body } = request;
  if (!timestamp || !/^[0-9]{1,12}$/.test(timestamp)) {
    return 'Tidegate-Timestamp must be the time in seconds since 1970';
  }
  const skew = Math.abs(options.nowMs / 1000 - Number(timestamp));
  if (skew > SKEW_SECONDS) {
    return `Tidegate-Timestamp is ${Math.round(skew)} s off; at most ${SKEW_SECONDS} s are taken`;
  }
  const expected = Buffer.from(signatureOf(options.secret, timestamp, body));
  const given = Buffer.from(signature ?? '');
  const same = given.length === expected.length && timingSafeEqual(given, expected);
  return same ? undefined : 'Tidegate-Signature is not that of this body with this secret';
}
