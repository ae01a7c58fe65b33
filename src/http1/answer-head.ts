// hot path: every answer's status line and fields are written here.
import { STATUS_CODES } from 'node:http';
import { fieldLines } from './field-lines.ts';

/** A status or field that must not be written: one field could become two (CWE-113). */
export class UnwritableHeadError extends Error {
  override readonly name = 'UnwritableHeadError';
}

const statusLines = new Map(
  Object.entries(STATUS_CODES).map(([status, phrase]) => [Number(status), `HTTP/1.1 ${status} ${phrase}`]),
);

/** Status line and fields, the empty line not included. Throws `UnwritableHeadError`. */
export function answerHeadText(status: number, fields: readonly string[]): string {
  const statusLine = statusLines.get(status) ?? unnamedStatusLine(status);
  const lines = fieldLines(fields);
  if (lines === undefined)
    throw new UnwritableHeadError(`the field ${JSON.stringify(firstUnwritable(fields))}`);
  return `${statusLine}${lines}\r\n`;
}

function firstUnwritable(fields: readonly string[]): string | undefined {
  return fields.find((name, i) => i % 2 === 0 && fieldLines([name, fields[i + 1] ?? '']) === undefined);
}

function unnamedStatusLine(status: number): string {
  if (!Number.isInteger(status) || status < 100 || status > 599)
    throw new UnwritableHeadError(`the status ${status}`);
  return `HTTP/1.1 ${status} `;
}

/** Whether an answer has no content whatever its fields say (RFC 9112 §6.3). */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

let dateSecond = 0;
let dateText = '';

/** RFC 9110 §6.6.1: the Date field that an answer without one gets, worked out once a second. */
export function dateField(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
