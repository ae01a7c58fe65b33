import type { Clock } from '../core/clock.ts';
import { createCertificateVerifier } from './client-cert.ts';
import type { CompiledIssuer, Identities } from './compile.ts';
import type { Verifiers } from './identify.ts';
import { openKeySource, type KeySource, type KeySourceEnvironment, type KeySourceStatus } from './jwks.ts';
import { createTokenVerifier } from './jwt.ts';

export interface LiveVerifiers extends Verifiers {
  /** Entries that the credential caches hold, for a metric. */
  sizes(): Record<
    'tokens' | 'tokenRefusals' | 'tokensPending' | 'certificates' | 'certificateRefusals',
    number
  >;
}

/**
 * The verifiers of one snapshot. Their caches begin empty, so nothing that another configuration concluded is believed;
 * keys live on in `keySources`, so a reload needs no identity provider.
 */
export function createVerifiers(identities: Identities, keySources: KeySources, clock: Clock): LiveVerifiers {
  const tokens = createTokenVerifier({
    issuers: identities.issuers.values(),
    keySource: keySources.of,
    clock,
  });
  const certificates = createCertificateVerifier(clock);
  return {
    token: (token) => tokens.verify(token),
    certificate: (header, { authority }) => certificates.verify(header, authority),
    knowsToken: (token) => tokens.knows(token),
    knowsCertificate: (header, { authority }) => certificates.knows(header, authority),
    sizes() {
      const token = tokens.sizes();
      const certificate = certificates.sizes();
      return {
        tokens: token.verified,
        tokenRefusals: token.refused,
        tokensPending: token.pending,
        certificates: certificate.verified,
        certificateRefusals: certificate.refused,
      };
    },
  };
}

/** The key sources of the process: they outlive snapshots. */
export interface KeySources {
  /** The source of an issuer, opened at first use. Issuers that agree in address and algorithms share one. */
  of(this: void, issuer: CompiledIssuer): KeySource;
  /** Fetches keys ahead of the first request; resolves when each issuer was tried once. Never throws. */
  warm(issuers: Iterable<CompiledIssuer>): Promise<void>;
  /** Closes the sources of issuers that the snapshot now in force does not have. */
  retain(issuers: Iterable<CompiledIssuer>): void;
  /** State of each open source by issuer name, for metrics and readiness. */
  statuses(): [issuer: string, status: KeySourceStatus][];
  close(): void;
}

export function createKeySources(environment: KeySourceEnvironment): KeySources {
  const bySettings = new Map<string, { issuer: string; source: KeySource }>();
  // Spares building the settings text per look-up; forgets an issuer with its snapshot.
  const byIssuer = new WeakMap<CompiledIssuer, KeySource>();

  function of(issuer: CompiledIssuer): KeySource {
    let source = byIssuer.get(issuer);
    if (source === undefined) {
      const settings = settingsOf(issuer);
      source = bySettings.get(settings)?.source ?? openKeySource(issuer, environment);
      bySettings.set(settings, { issuer: issuer.name, source });
      byIssuer.set(issuer, source);
    }
    return source;
  }

  function retain(issuers: Iterable<CompiledIssuer>): void {
    const wanted = new Set(Array.from(issuers, settingsOf));
    for (const [settings, { source }] of bySettings) {
      if (wanted.has(settings)) continue;
      source.close();
      bySettings.delete(settings);
    }
  }

  return {
    of,
    async warm(issuers) {
      await Promise.all(Array.from(issuers, (issuer) => of(issuer).warm()));
    },
    retain,
    statuses: () => Array.from(bySettings.values(), ({ issuer, source }) => [issuer, source.status()]),
    close: () => retain([]),
  };
}

function settingsOf({ name, issuer, jwks, algorithms }: CompiledIssuer): string {
  return JSON.stringify([name, issuer, jwks, algorithms]);
}
