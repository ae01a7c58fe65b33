import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';

/** Odoo's limit for one message. */
const maxMessageBytes = 1024 * 1024;

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** `Sec-WebSocket-Accept` for a key, RFC 6455 §4.2.2. */
export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

interface Frame {
  final: boolean;
  opcode: number;
  payload: Buffer;
  /** Bytes of the frame on the wire. */
  size: number;
}

/** Serves one open WebSocket, RFC 6455 §5: messages come back, pings are answered, anything wrong closes it. */
export function echoWebSocket(socket: Duplex, early: Buffer): void {
  let buffered: Buffer = early;
  let message: { opcode: number; parts: Buffer[]; bytes: number } | undefined;

  const close = (code: number): void => {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    socket.end(renderFrame(opcodes.close, payload));
  };

  /** False when the connection is over. */
  const onFrame = ({ final, opcode, payload }: Frame): boolean => {
    if (opcode === opcodes.ping) socket.write(renderFrame(opcodes.pong, payload));
    if (opcode === opcodes.close) {
      socket.end(renderFrame(opcodes.close, payload.subarray(0, 2)));
      return false;
    }
    if (opcode >= opcodes.close) return true;
    // A continuation without a beginning, or a beginning inside a message.
    if ((opcode === opcodes.continuation) !== (message !== undefined)) {
      close(1002);
      return false;
    }
    message ??= { opcode, parts: [], bytes: 0 };
    message.parts.push(payload);
    message.bytes += payload.length;
    if (message.bytes > maxMessageBytes) {
      close(1009);
      return false;
    }
    if (final) {
      socket.write(renderFrame(message.opcode, Buffer.concat(message.parts)));
      message = undefined;
    }
    return true;
  };

  const onData = (chunk: Buffer): void => {
    buffered = Buffer.concat([buffered, chunk]);
    for (;;) {
      const frame = readFrame(buffered);
      if (frame === undefined) return;
      if (typeof frame === 'number') close(frame);
      else buffered = buffered.subarray(frame.size);
      if (typeof frame === 'number' || !onFrame(frame)) {
        // Nothing after a close counts (§5.5.1), but it has to be read for the socket to end.
        socket.off('data', onData).resume();
        return;
      }
    }
  };
  socket.on('data', onData).on('end', () => socket.end());
  onData(Buffer.alloc(0));
}

/** The first frame, undefined while it is not complete, or the close code for one that no client may send. */
function readFrame(bytes: Buffer): Frame | number | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const opcode = first & 0x0f;
  const isControl = opcode >= opcodes.close;
  const known = isControl ? opcode <= opcodes.pong : opcode <= opcodes.binary;
  // Reserved bits, unknown opcodes, frames without a mask, fragmented or long control frames.
  if ((first & 0x70) !== 0 || !known || (second & 0x80) === 0) return 1002;
  const short = second & 0x7f;
  if (isControl && ((first & 0x80) === 0 || short > 125)) return 1002;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start) return undefined;
  const length =
    lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (length > maxMessageBytes) return 1009;
  if (bytes.length < start + length) return undefined;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (bytes[start - 4 + (i & 3)] ?? 0);
  return { final: (first & 0x80) !== 0, opcode, payload, size: start + length };
}

function renderFrame(opcode: number, payload: Buffer): Buffer {
  const length = payload.length;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
