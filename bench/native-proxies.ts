import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { haproxyConfig, haproxyJwtConfig, nginxConfig, type NativeJob } from './native-config.ts';
import { type Part, startProcess } from './processes.ts';

// The peers that are no Node: nginx and HAProxy as the distribution has them, in the foreground, from a configuration of
// their own in a temporary directory.

export type NativeName = 'nginx' | 'haproxy' | 'haproxy-jwt';

/** Where the program of a peer is; undefined when it is not installed. */
export function findNative(name: NativeName): string | undefined {
  const program = name === 'nginx' ? 'nginx' : 'haproxy';
  // Debian keeps them where only the administrator's PATH looks.
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin'];
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function startNative(
  name: NativeName,
  {
    upstream,
    oneShot,
    issuer,
    publicKeyPem,
    core,
  }: {
    /** Origin. */
    upstream: string;
    oneShot: boolean;
    issuer: string;
    publicKeyPem: string;
    core: number | undefined;
  },
): Promise<Part> {
  const program = findNative(name);
  if (program === undefined) throw new Error(`${name} is not installed`);
  const directory = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'));
  const job: NativeJob = { port: await findFreePort(), upstream: new URL(upstream).host, oneShot };
  const configPath = join(directory, 'config');
  const publicKeyPath = join(directory, 'public.pem');
  writeFileSync(publicKeyPath, publicKeyPem);
  writeFileSync(
    configPath,
    name === 'nginx'
      ? nginxConfig(job)
      : name === 'haproxy'
        ? haproxyConfig(job)
        : haproxyJwtConfig(job, { issuer, publicKeyPath }),
  );
  const command =
    name === 'nginx'
      ? [program, '-p', `${directory}/`, '-c', configPath, '-e', 'stderr']
      : [program, '-db', '-f', configPath];
  const removeDirectory = (): void => rmSync(directory, { recursive: true });
  try {
    const readPorts = async () => ((await isListening(job.port)) ? [job.port] : undefined);
    const part = await startProcess(command, { core, readPorts });
    return { ...part, stop: () => part.stop().finally(removeDirectory) };
  } catch (error) {
    removeDirectory();
    throw error;
  }
}

/** A port that was free a moment ago: these programs cannot say which one the system gave them. */
function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
