import { configurationDirectory, readArguments, refuseUsage } from './arguments.ts';
import { type AdminPlace, askAdmin, findAdmin } from './admin-client.ts';
import { exitCodes } from './exit-codes.ts';
import { renderBudget, renderChange, renderLimits, renderRefused } from './render-limits.ts';

interface Asked {
  method: 'GET' | 'POST';
  target: string;
  render: (answer: unknown) => string;
}

/** Shows the limits of a running gateway and the budgets behind them, and resets or grants one. */
export async function limits(argv: readonly string[]): Promise<number> {
  const args = readArguments(argv, {
    url: { type: 'string' },
    'token-file': { type: 'string' },
    count: { type: 'string' },
    json: { type: 'boolean' },
  });
  if (!args.ok) return args.code;
  const { values, positionals } = args;
  const asked = readCommand(positionals, values.count);
  if (typeof asked === 'string') return refuseUsage(asked);
  const { url, 'token-file': tokenFile } = values;
  const place = findAdmin(
    {
      directory: configurationDirectory(values.config),
      ...(url === undefined ? {} : { url }),
      ...(tokenFile === undefined ? {} : { tokenFile }),
    },
    process.env,
  );
  if ('complaint' in place) return complain(place);
  return await run(asked, place, values.json === true);
}

async function run(asked: Asked, place: AdminPlace, asJson: boolean): Promise<number> {
  const reply = await askAdmin(place, asked);
  if ('complaint' in reply) return complain(reply);
  const text = asJson ? `${JSON.stringify(reply.answer)}\n` : asked.render(reply.answer);
  process.stdout.write(text);
  return exitCodes.done;
}

/** What is to be asked, or what is wrong with the command line. */
function readCommand(words: readonly string[], count: string | undefined): Asked | string {
  const [verb, limit, key, tokens, ...more] = words;
  if (count !== undefined && verb !== 'refused') return 'limits knows --count only with refused.';
  switch (verb) {
    case undefined:
      return { method: 'GET', target: '/limits', render: renderLimits };
    case 'refused': {
      if (limit !== undefined) return `limits refused takes no argument "${words.slice(1).join(' ')}".`;
      const query = count === undefined ? '' : `?count=${encodeURIComponent(count)}`;
      return { method: 'GET', target: `/limits/refused${query}`, render: renderRefused };
    }
    case 'show':
      if (limit === undefined || key === undefined || tokens !== undefined)
        return 'limits show needs LIMIT KEY, such as partner/partner-rate acme.';
      return { method: 'GET', target: `${targetOf(limit)}?${keyOf(key)}`, render: renderBudget };
    case 'reset':
      if (limit === undefined || key === undefined || tokens !== undefined)
        return 'limits reset needs LIMIT KEY, such as partner/partner-rate acme.';
      return { method: 'POST', target: `${targetOf(limit)}/reset?${keyOf(key)}`, render: renderChange };
    case 'grant': {
      if (limit === undefined || key === undefined || !/^\d+$/.test(tokens ?? '') || more.length > 0)
        return 'limits grant needs LIMIT KEY TOKENS, such as partner/partner-rate acme 100.';
      const query = `${keyOf(key)}&tokens=${tokens}`;
      return { method: 'POST', target: `${targetOf(limit)}/grant?${query}`, render: renderChange };
    }
    default:
      return `limits knows show, refused, reset and grant, and no "${verb}".`;
  }
}

function targetOf(limit: string): string {
  return `/limits/${limit.split('/').map(encodeURIComponent).join('/')}`;
}

function keyOf(key: string): string {
  return `key=${encodeURIComponent(key)}`;
}

function complain({ complaint, code }: { complaint: string; code: number }): number {
  process.stderr.write(`${complaint}\n`);
  return code;
}
