import type { Socket } from 'node:net';
import type { Phase, Step } from './fault.ts';

/** An upstream that writes without end is let go then: nothing that the gateway ought to bound is near it. */
const floodBytes = 4 * 1024 * 1024;
/**
 * Turns of the event loop after which a byte that was written on loopback has been read at its other end, which is in the
 * same process: one for the kernel to tell, one to read, and one to be sure.
 */
const turnsUntilRead = 3;

/** The steps of an upstream on one connection, as far as they have come. */
export class Script {
  socket: Socket | undefined;
  readonly #steps: readonly Step[];
  readonly #passed = new Set<Phase>();
  #at = 0;
  /** A step goes on by itself. */
  #busy = false;
  #clientText = '';
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  /** Whether every step is done. */
  get done(): boolean {
    return this.#at === this.#steps.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  begin(socket: Socket): void {
    this.socket = socket;
    this.#advance();
  }

  /** Something has come from the gateway, or the connection is gone. */
  pass(phase: Phase): void {
    this.#passed.add(phase);
    if (phase === 'closed') this.#closed = true;
    this.#advance();
  }

  has(phase: Phase): boolean {
    return this.#passed.has(phase);
  }

  clientReceived(text: string): void {
    this.#clientText += text;
    this.#advance();
  }

  stop(): void {
    this.#busy = true;
    clearTimeout(this.#timer);
  }

  #advance(): void {
    const { socket } = this;
    if (socket === undefined) return;
    while (!this.#busy && !this.done) {
      const step = this.#steps[this.#at];
      if (step === undefined || !this.#do(step, socket)) return;
      this.#at++;
    }
  }

  /** False when the step is not done yet. */
  #do(step: Step, socket: Socket): boolean {
    switch (step.kind) {
      case 'write':
        socket.write(step.bytes, 'latin1');
        return true;
      case 'end':
        socket.end();
        return true;
      case 'reset':
        socket.resetAndDestroy();
        return true;
      case 'stop-reading':
        socket.pause();
        return true;
      case 'client':
        return this.#clientText.includes(step.text);
      case 'until':
        if (step.phase !== 'read') return this.#passed.has(step.phase);
        return this.#goOnWith(() => afterTurns(() => this.#finishStep()));
      case 'drip':
        return this.#goOnWith(() => this.#drip(socket, step.pieces, step.everyMs));
      case 'flood':
        return this.#goOnWith(() => this.#flood(socket, step.bytes, 0));
    }
  }

  #goOnWith(action: () => void): false {
    this.#busy = true;
    action();
    return false;
  }

  #finishStep(): void {
    this.#busy = false;
    this.#at++;
    this.#advance();
  }

  #drip(socket: Socket, pieces: readonly string[], everyMs: number | undefined): void {
    const [piece, ...rest] = pieces;
    if (piece === undefined || this.#closed) return this.#finishStep();
    socket.write(piece, 'latin1');
    const next = (): void => this.#drip(socket, rest, everyMs);
    if (everyMs === undefined) afterTurns(next);
    else this.#timer = setTimeout(next, everyMs);
  }

  #flood(socket: Socket, bytes: string, written: number): void {
    if (this.#closed || written > floodBytes) return this.#finishStep();
    const piece = bytes.repeat(Math.ceil(16_384 / bytes.length));
    const next = (): void => this.#flood(socket, bytes, written + piece.length);
    if (socket.write(piece, 'latin1')) afterTurns(next);
    else {
      const goOn = (): void => {
        socket.off('drain', goOn).off('close', goOn);
        next();
      };
      socket.on('drain', goOn).on('close', goOn);
    }
  }
}

function afterTurns(action: () => void, turns = turnsUntilRead): void {
  if (turns === 0) action();
  else setImmediate(() => afterTurns(action, turns - 1));
}
