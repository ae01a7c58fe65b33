import type { Scheduler } from '../core/scheduler.ts';

export interface FetchEnvironment {
  fetch: typeof globalThis.fetch;
  scheduler: Scheduler;
}

export const fetchTimeoutMs = 5_000;
export const maxDocumentBytes = 256 * 1024;

/**
 * Gets a JSON document of an identity provider: no redirect is followed (it could lead to another host's keys), the whole
 * answer comes within 5 s and has at most 256 KiB. Throws an Error whose message can go to a log.
 */
export async function fetchDocument(
  url: string,
  { fetch, scheduler }: FetchEnvironment,
  closing: AbortSignal,
): Promise<unknown> {
  const timeout = new AbortController();
  const cancel = scheduler.after(fetchTimeoutMs, () =>
    timeout.abort(new Error(`no complete answer within ${fetchTimeoutMs / 1000} s`)),
  );
  try {
    const response = await fetch(url, {
      redirect: 'error',
      headers: { accept: 'application/json' },
      signal: AbortSignal.any([timeout.signal, closing]),
    });
    return JSON.parse(await readBounded(response));
  } catch (error) {
    throw new Error(`${url}: ${describeFailure(error)}`, { cause: error });
  } finally {
    cancel();
  }
}

async function readBounded(response: Response): Promise<string> {
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the answer has status ${response.status}`);
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  // Leaving the loop early cancels the stream, which closes the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxDocumentBytes) throw new Error(`the answer has more than ${maxDocumentBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** fetch says "fetch failed" and hides the reason in its cause. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
