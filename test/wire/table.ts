import { chunkCases } from './cases/chunks.ts';
import { connectionFieldCases } from './cases/connection-fields.ts';
import { contentLengthCases } from './cases/content-length.ts';
import { cutOffCases } from './cases/cut-off.ts';
import { expectationCases } from './cases/expectations.ts';
import { fieldSyntaxCases } from './cases/field-syntax.ts';
import { foreignProtocolCases } from './cases/foreign-protocols.ts';
import { hostCases } from './cases/hosts.ts';
import { http10AndHeadCases } from './cases/http10-and-head.ts';
import { limitCases } from './cases/limits.ts';
import { lineEndCases } from './cases/line-ends.ts';
import { pathCases } from './cases/paths.ts';
import { pipeliningCases } from './cases/pipelining.ts';
import { requestLineCases } from './cases/request-line.ts';
import { transferCodingCases } from './cases/transfer-coding.ts';
import { upgradeCases } from './cases/upgrades.ts';
import type { WireCase } from './wire-case.ts';

/** Every case, by class. */
export const wireTable: readonly (readonly [className: string, cases: readonly WireCase[]])[] = [
  ['content length', contentLengthCases],
  ['transfer coding', transferCodingCases],
  ['chunks, extensions and trailers', chunkCases],
  ['line ends', lineEndCases],
  ['fields', fieldSyntaxCases],
  ['request lines and versions', requestLineCases],
  ['hosts and forms of the target', hostCases],
  ['paths and queries', pathCases],
  ['connection and identity fields', connectionFieldCases],
  ['expectations', expectationCases],
  ['upgrades', upgradeCases],
  ['pipelining', pipeliningCases],
  ['limits', limitCases],
  ['HTTP/1.0 and HEAD', http10AndHeadCases],
  ['foreign protocols', foreignProtocolCases],
  ['requests that are cut off', cutOffCases],
];
