import { webcrypto } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authorityExtensions,
  headerOf,
  type IssuedCertificate,
  mintCertificate,
  pemOf,
} from '../servers/certificates.ts';
import { writeFiles } from '../support/test-gateway.ts';
import { describeWithTool } from '../system/require-tool.ts';
import { certificateZoneFiles } from './certificate-zone.ts';
import { type BehindTraefik, modes, startBehindTraefik, valuesOf } from './start-behind-traefik.ts';
import { cleanNothing } from './weaken.ts';

const dayMs = 86_400_000;
const validity = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + dayMs) };

describeWithTool('traefik', 'client certificates over TLS to a real Traefik', (binary) => {
  let authority: IssuedCertificate;
  let intermediate: IssuedCertificate;
  let files: ReturnType<typeof writeFiles>;

  beforeAll(async () => {
    authority = await mintCertificate({
      subject: 'CN=Partner CA',
      extensions: authorityExtensions(),
      ...validity,
    });
    intermediate = await mintCertificate({
      subject: 'CN=Partner Issuing CA',
      by: authority,
      extensions: authorityExtensions(0),
      ...validity,
    });
    files = writeFiles(certificateZoneFiles(pemOf(authority)));
  });
  afterAll(() => files.remove());

  const fronts = [
    { front: 'as deployed', weaken: (text: string) => text },
    { front: 'with a Traefik that cleans nothing', weaken: cleanNothing },
  ];
  describe.each(modes.flatMap((mode) => fronts.map((front) => ({ mode, ...front }))))(
    '$mode, $front',
    ({ mode, weaken }) => {
      let stack: BehindTraefik;
      beforeAll(async () => {
        stack = await startBehindTraefik(binary, { mode, directory: files.directory, weaken });
      }, 30_000);
      afterAll(() => stack.stop());

      async function call(
        chain: IssuedCertificate[],
        headers: Record<string, string> = {},
      ): Promise<{ status: number; reason: unknown; line: Record<string, unknown> }> {
        const { answer, line } = await stack.sendLogged({
          method: 'POST',
          target: '/json/2/res.partner/read',
          headers: { Host: 'acme.partner.erp.example', ...headers },
          body: '{}',
          tls: chain.length === 0 ? {} : { cert: pemOf(...chain), key: await keyOf(chain[0]) },
        });
        return { status: answer.status, reason: line['reason'], line };
      }
      const mintPartner = (by: IssuedCertificate, subject = 'CN=edi,O=acme') =>
        mintCertificate({ subject, by, ...validity });

      it('one of the authority is accepted, and does not go on to Odoo', async () => {
        const { status, line } = await call([await mintPartner(authority)]);
        expect(status).toBe(200);
        expect(line).toMatchObject({ principal: 'edi', issuer: 'partners', tenant: 'acme' });
        const head = stack.receivedHead('/json/2/res.partner/read');
        expect(valuesOf(head, 'x-bulkhead-principal')).toEqual(['edi']);
        expect(valuesOf(head, 'authorization')).toEqual(['Bearer key-of-the-demo']);
        expect(head.toLowerCase()).not.toContain('tls-client-cert');
      });

      it('a chain is read in the form in which Traefik joins it', async () => {
        const { status, line } = await call([await mintPartner(intermediate), intermediate]);
        expect([status, line['principal']]).toEqual([200, 'edi']);
      });

      it('one of another authority with the same name is refused', async () => {
        const impostor = await mintCertificate({
          subject: 'CN=Partner CA',
          extensions: authorityExtensions(),
          ...validity,
        });
        const { status, reason } = await call([await mintPartner(impostor)]);
        expect([status, reason]).toEqual([401, 'certificate_not_trusted']);
      });

      it('one of another tenant is refused', async () => {
        const { status, reason } = await call([await mintPartner(authority, 'CN=edi,O=nordfracht')]);
        expect([status, reason]).toEqual([403, 'tenant_mismatch']);
      });

      it('no certificate is a missing credential', async () => {
        const { status, reason } = await call([]);
        expect([status, reason]).toEqual([401, 'credentials_missing']);
      });

      // A certificate is public: whoever could have this field believed would be its owner.
      it('the certificate of a partner in a header of the client is nobody', async () => {
        const stolen = headerOf(await mintPartner(authority));
        const { status, reason } = await call([], {
          'X-Forwarded-Tls-Client-Cert': stolen,
          X_Forwarded_Tls_Client_Cert: stolen,
          'X-Forwarded-Tls-Client-Cert-Info': 'Subject="CN=edi,O=acme"',
        });
        expect([status, reason]).toEqual([401, 'credentials_missing']);
      });

      it('the certificate of a partner in a header does not stand in for the own one', async () => {
        const { status, reason } = await call([await mintPartner(authority, 'CN=edi,O=nordfracht')], {
          'X-Forwarded-Tls-Client-Cert': headerOf(await mintPartner(authority)),
        });
        expect([status, reason]).toEqual([403, 'tenant_mismatch']);
      });
    },
  );
});

async function keyOf(issued: IssuedCertificate | undefined): Promise<string> {
  if (issued === undefined) throw new TypeError('"chain" is empty');
  const der = await webcrypto.subtle.exportKey('pkcs8', issued.keys.privateKey);
  return `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der).toString('base64')}\n-----END PRIVATE KEY-----\n`;
}
