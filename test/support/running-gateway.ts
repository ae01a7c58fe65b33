import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Gateway, type GatewayStart, startGateway } from '../../src/gateway/gateway.ts';
import { type RawAnswer, sendRequest } from './raw-http.ts';
import { readMetrics } from './metrics-text.ts';
import { portOf, writeFiles } from './test-gateway.ts';

/** A gateway of this process on a configuration of the test's own, with what a test wants to see of it. */
export interface RunningGateway {
  gateway: Gateway;
  directory: string;
  proxyPort: number;
  adminPort: number;
  /** Log lines as objects, oldest first. */
  logLines: Record<string, unknown>[];
  /** Log lines with this message. */
  logged(message: string): Record<string, unknown>[];
  /** Everything that was logged, as it was written. */
  logText(): string;
  /** Replaces files of the configuration and loads it again. */
  reload(files: Record<string, string>): Promise<boolean>;
  metrics(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/** `gateway.yaml` with every listener on a free port of loopback; this machine is the trusted proxy. */
export const trustingGateway = `listeners: { proxy: 127.0.0.1:0, admin: 127.0.0.1:0 }
trustedProxies: [127.0.0.1/32]
`;

export async function runGateway(
  files: Record<string, string>,
  env: Record<string, string> = {},
  own: Pick<GatewayStart, 'resolve'> = {},
): Promise<RunningGateway> {
  const { directory, remove } = writeFiles({ 'gateway.yaml': trustingGateway, ...files });
  let text = '';
  const logLines: Record<string, unknown>[] = [];
  const gateway = await startGateway({
    directory,
    env,
    ...own,
    watchIntervalMs: 0,
    logSink: {
      write(lines) {
        text += lines;
        for (const one of lines.split('\n'))
          if (one !== '') logLines.push(JSON.parse(one) as Record<string, unknown>);
      },
    },
  }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const adminPort = portOf(gateway, 'admin');
  return {
    gateway,
    directory,
    proxyPort: portOf(gateway, 'proxy'),
    adminPort,
    logLines,
    logged: (message) => logLines.filter(({ msg }) => msg === message),
    logText: () => text,
    reload(changed) {
      for (const [name, content] of Object.entries(changed)) {
        mkdirSync(dirname(join(directory, name)), { recursive: true });
        writeFileSync(join(directory, name), content);
      }
      return gateway.reload();
    },
    metrics: () => readMetrics(adminPort),
    async stop() {
      await gateway.stop();
      remove();
    },
  };
}

/** Asks for `METHOD http://host/path`; the body, when there is one, is JSON. */
export function ask(
  port: number,
  request: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {},
): Promise<RawAnswer> {
  const [, method, host = '', target = '/'] = /^([A-Z]+) https?:\/\/([^/]+)(\/.*)?$/.exec(request) ?? [];
  if (method === undefined) throw new TypeError(`"request" is not METHOD URL: ${request}`);
  const type: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const content = body === undefined ? {} : { body };
  return sendRequest(port, { method, target, headers: { Host: host, ...type, ...headers }, ...content });
}

/** The reason code in a refusal of whichever form: JSON has a member for it, a fault names it behind its text. */
export function reasonIn(body: string): string | undefined {
  return /(?:"reason":"([a-z_]+)"|<string>[^<]* \(([a-z_]+), request )/.exec(body)?.slice(1).find(Boolean);
}

/** Status and reason code of an answer; `undefined` in place of the reason when it is no refusal of the gateway. */
export function verdictOf({ status, body }: RawAnswer): [status: number, reason: string | undefined] {
  return [status, reasonIn(body)];
}
