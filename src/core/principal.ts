/** The authenticated caller. */
export interface Principal {
  kind: 'jwt' | 'clientCert';
  /** Stable name of the caller within its issuer: `sub`, or the certificate's subject. */
  subject: string;
  /** Configured name of the issuer or client CA that vouches for it. */
  issuer: string;
  scopes: readonly string[];
  /** Tenant that the credential names, when it names one. */
  tenant: string | undefined;
}
