import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Configuration, loadConfiguration } from '../config/load.ts';
import { renderProblems } from '../config/problems.ts';
import { systemClock } from '../core/clock.ts';
import { configurationDirectory, readArguments, refuseUsage } from './arguments.ts';
import { exitCodes } from './exit-codes.ts';
import { openExplainer, type Explainer } from './explainer.ts';
import { readQuestion } from './question.ts';
import { renderDecision } from './render-decision.ts';

/** Says what would become of a request and why, without sending or spending anything. */
export async function explain(argv: readonly string[]): Promise<number> {
  const args = readArguments(argv, {
    header: { type: 'string', short: 'H', multiple: true },
    from: { type: 'string' },
    as: { type: 'string' },
    at: { type: 'string' },
    body: { type: 'string' },
    json: { type: 'boolean' },
    batch: { type: 'string' },
  });
  if (!args.ok) return args.code;
  const { values, positionals } = args;
  if ((values.batch === undefined) === (positionals.length === 0)) {
    return refuseUsage('explain needs METHOD URL, or --batch FILE.ndjson.');
  }
  const configuration = load(configurationDirectory(values.config));
  if (configuration === undefined) return exitCodes.no;
  const explainer = openExplainer(configuration);
  try {
    if (values.batch !== undefined) return await explainBatch(values.batch, explainer);
    const headers = readHeaders(values.header ?? []);
    const as = values.as === undefined ? undefined : parseJson(values.as);
    const question = readQuestion({
      request: positionals.join(' '),
      headers,
      from: values.from,
      as,
      at: values.at,
      body: values.body,
    });
    if ('complaint' in question) return refuseUsage(question.complaint);
    const decision = await explainer.ask(question);
    process.stdout.write(
      values.json === true ? `${JSON.stringify(decision)}\n` : renderDecision(question, decision),
    );
    return exitCodes.done;
  } finally {
    explainer.close();
  }
}

function load(directory: string): Configuration | undefined {
  const { configuration, problems } = loadConfiguration(directory, {
    env: process.env,
    nowMs: systemClock.wallMs(),
  });
  if (configuration === undefined) process.stderr.write(`${renderProblems(problems)}\n`);
  return configuration;
}

/** One object per line in, one per line out, in the same order. A line that does not read says so in its place. */
async function explainBatch(file: string, explainer: Explainer): Promise<number> {
  let code: number = exitCodes.done;
  try {
    for await (const line of createInterface({
      input: createReadStream(file, 'utf8'),
      crlfDelay: Infinity,
    })) {
      if (line.trim() === '') continue;
      const question = readQuestion(parseJson(line));
      if ('complaint' in question) code = exitCodes.no;
      const answer = 'complaint' in question ? { error: question.complaint } : await explainer.ask(question);
      process.stdout.write(`${JSON.stringify(answer)}\n`);
    }
  } catch (error) {
    return refuseUsage(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return code;
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, Math.max(colon, 0)).trim()] = line.slice(colon + 1).trim();
  }
  return headers;
}

/** The value of a JSON text; the text itself when it is none, which then fails to be what was asked for. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
