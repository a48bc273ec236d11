/** What activities need of a provider of measurements: one number for one question. */

/** What a provider made of a question. */
export type ProviderAnswer =
  | { readonly kind: 'Number'; readonly value: number }
  /** There is nothing to measure, in words. */
  | { readonly kind: 'NoData'; readonly reason: string }
  /** It cannot be asked, does not understand the question, or has more than one answer; in words. */
  | { readonly kind: 'NoAnswer'; readonly reason: string };

export interface MetricsProvider {
  /** Asks for the value of an expression now; whatever goes wrong is an answer, but for an abort by the signal. */
  ask(expression: string, signal: AbortSignal): Promise<ProviderAnswer>;
}
