/**
 * The types of `@peculiar/x509` name the Web Crypto API as a browser declares it. Node has the same API; only its global
 * type names are missing. Declared here so that the libraries' own types stay checked.
 */
type AlgorithmIdentifier = import('node:crypto').webcrypto.AlgorithmIdentifier;
type Algorithm = import('node:crypto').webcrypto.Algorithm;
type BufferSource = NodeJS.BufferSource;
type CryptoKeyPair = import('node:crypto').webcrypto.CryptoKeyPair;
type EcKeyGenParams = import('node:crypto').webcrypto.EcKeyGenParams;
type EcKeyImportParams = import('node:crypto').webcrypto.EcKeyImportParams;
type EcdsaParams = import('node:crypto').webcrypto.EcdsaParams;
type KeyUsage = import('node:crypto').webcrypto.KeyUsage;
type RsaHashedImportParams = import('node:crypto').webcrypto.RsaHashedImportParams;
