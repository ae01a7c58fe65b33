import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { loadConfiguration } from '../config/load.ts';
import { renderProblems } from '../config/problems.ts';
import { systemClock } from '../core/clock.ts';
import { exitCodes } from './exit-codes.ts';

/** The admin listener of a running gateway, and the secret that allows changes there. */
export interface AdminPlace {
  url: string;
  token: string | undefined;
}

/** Why a command cannot go on, and its exit code. */
export interface Complaint {
  complaint: string;
  code: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Finds the admin listener: where `url` says, else where the configuration does. The token is that of a file, of the variable
 * BULKHEAD_ADMIN_TOKEN, or of the same configuration: what it holds is never sent to another place than it names.
 */
export function findAdmin(
  { url, tokenFile, directory }: { url?: string; tokenFile?: string; directory: string },
  env: Env,
): AdminPlace | Complaint {
  // A variable that is empty is as good as none.
  let given = env['BULKHEAD_ADMIN_TOKEN'] || undefined;
  if (tokenFile !== undefined) {
    try {
      given = readFileSync(tokenFile, 'utf8').trim();
    } catch (error) {
      return usage(`cannot read ${tokenFile}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (url !== undefined) {
    if (!/^https?:\/\/[^/?#]+\/?$/.test(url) || !URL.canParse(url))
      return usage(`"${url}" is not the address of an admin listener, such as http://127.0.0.1:9901.`);
    return { url: url.replace(/\/$/, ''), token: given };
  }
  const { configuration, problems } = loadConfiguration(directory, { env, nowMs: systemClock.wallMs() });
  if (configuration === undefined) {
    const why = `${directory} does not say where the gateway listens; name it with --url.`;
    return { complaint: `${renderProblems(problems)}\nbulkhead: ${why}`, code: exitCodes.no };
  }
  const { listeners, admin } = configuration.gateway;
  const { host, port } = listeners.admin;
  if (port === 0) return usage('the admin listener has a free port; name it with --url.');
  return { url: `http://${reachable(host)}:${port}`, token: given ?? admin.token };
}

/** What listens everywhere also listens on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function no(complaint: string): Complaint {
  return { complaint: `bulkhead: ${complaint}`, code: exitCodes.no };
}

function usage(complaint: string): Complaint {
  return { complaint: `bulkhead: ${complaint}`, code: exitCodes.usage };
}

const problemSchema = z.object({ title: z.string(), detail: z.string() });

/** Asks the admin listener; gives the JSON of its answer, or why there is none. */
export async function askAdmin(
  { url, token }: AdminPlace,
  { method, target }: { method: 'GET' | 'POST'; target: string },
): Promise<{ answer: unknown } | Complaint> {
  let status: number;
  let text: string;
  try {
    const response = await fetch(`${url}${target}`, {
      method,
      redirect: 'error',
      // Looking needs no token, so none is sent for it.
      headers: method === 'POST' && token !== undefined ? { authorization: `Bearer ${token}` } : {},
      signal: AbortSignal.timeout(10_000),
    });
    ({ status } = response);
    text = await response.text();
  } catch (error) {
    return no(`no gateway answers at ${url} (${reasonOf(error)}). Start it, or name it with --url.`);
  }
  const body = parseJson(text);
  if (status === 200 && body !== undefined) return { answer: body };
  const problem = problemSchema.safeParse(body);
  if (!problem.success)
    return no(`what answers at ${url} is no admin listener of bulkhead: status ${status} for ${target}.`);
  const { title, detail } = problem.data;
  const fix = 'Give the value of admin.token with --token-file or BULKHEAD_ADMIN_TOKEN.';
  return no(`${title} ${status === 401 ? fix : detail}`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
