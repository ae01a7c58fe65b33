import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An upstream that answers a request when the test says so, except what it is told to answer at once. */
export interface HeldUpstream {
  url: string;
  port: number;
  /** Targets of the requests that came, oldest first; probes are not among them. */
  readonly arrived: readonly string[];
  /** Targets of those that have no answer yet. */
  waiting(): string[];
  /** Answers the request that waits longest. */
  release(): void;
  /** Whether requests are held; those that wait already go on waiting. */
  hold(held: boolean): void;
  /** Whether the health page answers. */
  answerProbes(answers: boolean): void;
  /** How many probes came. */
  probes(): number;
  /** Breaks everything off and stops listening; `reopen` listens on the same port again. */
  stop(): Promise<void>;
  reopen(): Promise<void>;
}

export async function startHeldUpstream(
  name = 'upstream',
  { host = '127.0.0.1', port: fixedPort = 0 }: { host?: string; port?: number } = {},
): Promise<HeldUpstream> {
  const arrived: string[] = [];
  let queue: { target: string; response: ServerResponse }[] = [];
  let held = true;
  let probesAnswer = true;
  let probes = 0;

  const answer = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/plain', 'x-upstream': name }).end('done\n');
  };
  const receive = (request: IncomingMessage, response: ServerResponse): void => {
    const target = request.url ?? '';
    if (target.endsWith('/health')) {
      probes++;
      if (probesAnswer) answer(response);
      return;
    }
    arrived.push(target);
    if (!held) return answer(response);
    queue.push({ target, response });
    response.once('close', () => {
      queue = queue.filter((waiting) => waiting.response !== response);
    });
  };
  const server = createServer((request, response) => {
    request.resume().on('end', () => receive(request, response));
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject).listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen(fixedPort);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    arrived,
    waiting: () => queue.map(({ target }) => target),
    release() {
      const next = queue.shift();
      if (next === undefined) throw new Error('no request waits');
      answer(next.response);
    },
    hold(wanted) {
      held = wanted;
    },
    answerProbes(answers) {
      probesAnswer = answers;
    },
    probes: () => probes,
    stop: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    reopen: () => listen(port),
  };
}
