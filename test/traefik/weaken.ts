import { replaceEach } from './start-traefik.ts';

/** Turns off all that the deployed Traefik does to a request before a router sees it. */
export function cleanNothing(text: string): string {
  return replaceEach(text, {
    'insecure: false': 'insecure: true',
    'sanitizePath: true': 'sanitizePath: false',
    'aliasHeadersStrategy: delete': 'aliasHeadersStrategy: keep',
    'allowEncodedSlash: false': 'allowEncodedSlash: true',
    'allowEncodedBackSlash: false': 'allowEncodedBackSlash: true',
    'allowEncodedNullCharacter: false': 'allowEncodedNullCharacter: true',
    'allowEncodedPercent: false': 'allowEncodedPercent: true',
  });
}
