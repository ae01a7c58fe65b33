import type { Socket } from 'node:net';
import { type FaultyUpstream, startFaultyUpstream } from '../servers/faulty-upstream.ts';
import { expect } from 'vitest';
import { startSurface, type Surface, waitUntil } from '../surface/start-surface.ts';
import { fine } from './fault.ts';
import type { Script } from './script.ts';

/** A request for this path is the last one on its connection to the upstream. */
export const lastPath = '/last';

/** An upstream and a gateway in front of it, for one fault at a time. */
export interface Lane {
  readonly upstream: FaultyUpstream;
  readonly surface: Surface;
  /** Heads of requests so far, also of those that did not come whole: target and connection. */
  readonly heads: readonly { line: string; socket: Socket }[];
  /** The next connection, or the next request on one that stands, gets the first of these scripts, and so on. */
  play(scripts: readonly Script[]): void;
  stop(): Promise<void>;
}

/**
 * Whatever has no script is answered well, each request with a body of its own: its target. The time-outs are short because
 * many faults take one.
 */
export async function startLane({ keepAlive }: { keepAlive: boolean }): Promise<Lane> {
  const upstream = await startFaultyUpstream();
  const surface = await startSurface({
    interactive: `endpoints: [{ url: "${upstream.url}", seats: 1 }], health: false, timeout: 300ms, connectTimeout: 300ms, keepAlive: ${keepAlive}`,
  });
  const heads: { line: string; socket: Socket }[] = [];
  let playing = new Map<Socket, Script>();
  let waiting: Script[] = [];
  const begin = (socket: Socket): void => {
    const script = playing.has(socket) ? undefined : waiting.shift();
    if (script === undefined) return;
    playing.set(socket, script);
    script.begin(socket);
  };
  upstream.behave({
    onConnect: begin,
    onHead(socket, head) {
      heads.push({ line: head.slice(0, head.indexOf('\r\n')), socket });
      begin(socket);
      playing.get(socket)?.pass('head');
    },
    onBody: (socket) => playing.get(socket)?.pass('body'),
    onRequest(socket, { head }) {
      const script = playing.get(socket);
      // Only the first request of a script is its own.
      if (script !== undefined && !script.has('request')) return script.pass('request');
      const target = head.split(' ', 2)[1] ?? '';
      const fields = target.startsWith(lastPath) ? ['Connection: close'] : [];
      socket.write(fine(target, ...fields));
    },
    onClose: (socket) => playing.get(socket)?.pass('closed'),
  });
  const play = (scripts: readonly Script[]): void => {
    for (const script of playing.values()) script.stop();
    playing = new Map();
    waiting = [...scripts];
  };
  return {
    upstream,
    surface,
    heads,
    play,
    async stop() {
      play([]);
      await surface.stop();
      await upstream.close();
    },
  };
}

/** What every lane has to show in the end; while it runs, its one seat would be missed by the next request. */
async function expectNothingLeft({ surface, upstream }: Lane): Promise<void> {
  await waitUntil(async () => (await surface.busySeats()) === 0, 'every seat free');
  expect([await surface.queued(), upstream.open]).toEqual([0, 0]);
}

/** Gateways are dear and faults many: each one gets a lane that nobody else is on, and gives it back as it found it. */
export function createLanes() {
  const idle = new Map<boolean, Lane[]>([
    [true, []],
    [false, []],
  ]);
  const all: Lane[] = [];
  return {
    async use(options: { keepAlive: boolean }, run: (lane: Lane) => Promise<void>): Promise<void> {
      let lane = idle.get(options.keepAlive)?.pop();
      if (lane === undefined) {
        lane = await startLane(options);
        all.push(lane);
      }
      // One on which something went wrong is left alone.
      await run(lane);
      idle.get(options.keepAlive)?.push(lane);
    },
    async stop(): Promise<void> {
      for (const lane of [...idle.values()].flat()) await expectNothingLeft(lane);
      await Promise.all(all.map((lane) => lane.stop()));
    },
  };
}
