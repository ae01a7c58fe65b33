import { StoreError } from '../../src/limits/store-error.ts';

/** How a store has failed; throws when it has not, or with another error. */
export async function failureOf(answer: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StoreError)) throw new TypeError('a StoreError was expected');
  return { code: error.code, message: error.message };
}
