import { afterAll, describe, test, vi } from 'vitest';
import { chunkFaults } from './chunks.ts';
import { connectionFaults } from './connection.ts';
import type { Fault, Scene, Sees } from './fault.ts';
import { framingFaults } from './framing.ts';
import { headFaults } from './heads.ts';
import { injectionFaults } from './injection.ts';
import { interimFaults } from './interim.ts';
import { createLanes } from './lane.ts';
import { runFault } from './run-fault.ts';
import { timingFaults } from './timing.ts';

// What an upstream can do wrong (RFC 9112 §§6.3, 8, 9; RFC 9110 §15). The client gets a whole answer, a refusal, or a connection
// that visibly breaks: never an answer that looks whole and is not, and never one that belongs to somebody else. And what
// comes next finds everything in order, see `runFault`.

const families: readonly [string, readonly Fault[]][] = [
  ['heads', headFaults],
  ['framing', framingFaults],
  ['chunks', chunkFaults],
  ['1xx answers', interimFaults],
  ['timing', timingFaults],
  ['connections', connectionFaults],
  ['injection', injectionFaults],
];

const places = {
  alone: 'on a connection of its own',
  first: 'on a new connection that is kept',
  later: 'on a connection that served before',
  'old client': 'for a client of HTTP/1.0',
} as const satisfies Record<Scene, string>;

const lanes = createLanes();
afterAll(() => lanes.stop());

type Row = readonly [title: string, fault: Fault, scene: Scene];
const rows = families.flatMap(([family, faults]) =>
  faults.flatMap((fault) =>
    scenesOf(fault).map((scene) => ({
      family,
      fault,
      row: [titleOf(fault, scene), fault, scene] satisfies Row,
    })),
  ),
);
const quick = Map.groupBy(
  rows.filter(({ fault }) => !takesTimeout(fault)),
  ({ family }) => family,
);
const waiting = Map.groupBy(
  rows.filter(({ fault }) => takesTimeout(fault)),
  ({ family }) => family,
);

const play = (_title: string, fault: Fault, scene: Scene): Promise<void> =>
  lanes.use({ keepAlive: scene === 'first' || scene === 'later' }, (lane) => runFault(lane, fault, scene));

describe.each([...quick])('%s: an upstream that', (_family, members) => {
  test.each(members.map(({ row }) => row))('%s', play);
});

// These do nothing most of the time, so they do it together, each with a gateway and an upstream of its own.
vi.setConfig({ maxConcurrency: 12 });
describe.concurrent.each([...waiting])('%s: an upstream that', (_family, members) => {
  test.each(members.map(({ row }) => row))('%s', play);
});

function takesTimeout({ sees }: Fault): boolean {
  return outcomes(sees).some((one) => 'reason' in one && one.reason === 'upstream_timeout');
}

function scenesOf({ scenes, sees }: Fault): readonly Scene[] {
  if (scenes !== undefined) return scenes;
  const kinds = outcomes(sees).map(({ kind }) => kind);
  if (kinds.includes('stale')) return ['alone', 'first', 'later'];
  return kinds.includes('broken') ? ['alone', 'later', 'old client'] : ['alone', 'later'];
}

function outcomes(sees: Fault['sees']): readonly Sees[] {
  return 'kind' in sees ? [sees] : sees;
}

function titleOf({ name, sees }: Fault, scene: Scene): string {
  return `${name} ${places[scene]} ${outcomes(sees).map(claimOf).join(', or ')}`;
}

function claimOf(sees: Sees): string {
  switch (sees.kind) {
    case 'refused':
      return `is told as ${sees.reason}`;
    case 'whole':
      return `has ${sees.status} taken from it`;
    case 'broken':
      return 'has its answer visibly cut off';
    case 'stale':
      return 'gets the request again if that does no harm';
    case 'elsewhere':
      return 'has another connection tried';
  }
}
