import { z } from 'zod';
import { durationSchema, textSchema, unreadable } from '../core/schema.ts';

/** The `redis:` mapping of `store:`. What its keys have to do with each other is checked in `redis-place.ts`. */

// The value is not quoted in the message: a Redis URL may hold a password.
const urlError = () =>
  'The Redis address is not a URL.\nThe gateway could not reach its store.\nWrite redis://host:6379, or rediss://host:6380 for TLS.';

const nodeError = unreadable(
  'host and port',
  'The gateway could not reach its store.',
  'Write host and port, such as redis-1:6379, 10.0.0.7:6379 or [2001:db8::7]:6379.',
);

/** One address; yields host and port. */
const nodeSchema = z
  .string({ error: nodeError })
  .regex(/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[1-9]\d{0,4}$/, { error: nodeError })
  // A text without a port is complained about already.
  .refine((text) => !(Number(text.slice(text.lastIndexOf(':') + 1)) > 65_535), { error: nodeError })
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  });

const noNodesError = () =>
  'No node is named.\nThe gateway could not reach its store.\nWrite at least one as host:port; the others are found from there.';

const nodesSchema = z.array(nodeSchema).min(1, { error: noNodesError });

const userSchema = textSchema('a user name', 'Write the name of a user that Redis knows, such as bulkhead.');
// Not quoted either.
const passwordError = () =>
  'The password is not a text.\nNo server would let the gateway in.\nWrite ${file:/run/secrets/redis-password}.';
const passwordSchema = z.string({ error: passwordError }).min(1, { error: passwordError });
const groupSchema = textSchema('a name', 'Write the name that "sentinel monitor" has for the primary.');
const serverNameSchema = textSchema('a host name', 'Write a name that stands in the certificate.');
const pemSchema = (file: string) => textSchema('PEM text', `Write \${file:/run/secrets/${file}}.`);

export const redisSchema = z.strictObject({
  url: z
    .string({ error: urlError })
    .regex(/^rediss?:\/\/[^\s/?#]+(\/\d*)?$/, { error: urlError })
    .optional()
    .describe(
      'One server: redis://user:password@host:6379/0, rediss:// for TLS. Exactly one of url, sentinel and cluster is needed.',
    ),
  sentinel: z
    .strictObject({
      name: groupSchema.describe('Name under which the Sentinels watch the primary.'),
      nodes: nodesSchema.describe('Sentinels as host:port, 26379 by custom; one that answers is enough.'),
      username: userSchema.optional().describe('User at the Sentinels themselves, where they have users.'),
      password: passwordSchema
        .optional()
        .describe('Password at the Sentinels themselves; normally ${file:…} or ${env:…}.'),
    })
    .optional()
    .describe('A primary with replicas, found by asking Sentinels.'),
  cluster: z
    .strictObject({
      nodes: nodesSchema.describe('Nodes as host:port from which the others are found.'),
    })
    .optional()
    .describe('A Redis or Valkey Cluster; all budgets of a tenant are on one of its nodes.'),
  username: userSchema
    .optional()
    .describe('User (ACL) at every Redis server; the user called default by default.'),
  password: passwordSchema
    .optional()
    .describe('Password at every Redis server; normally ${file:…} or ${env:…}.'),
  tls: z
    .strictObject({
      ca: pemSchema('redis-ca.pem')
        .optional()
        .describe(
          'CA certificates in PEM that vouch for the servers, normally ${file:…}; by default those that Node.js trusts.',
        ),
      cert: pemSchema('redis-client.pem')
        .optional()
        .describe('Certificate of the gateway in PEM, with its chain, for servers that want one.'),
      key: pemSchema('redis-client-key.pem')
        .optional()
        .describe('Private key of the certificate in PEM, without a passphrase; normally ${file:…}.'),
      serverName: serverNameSchema
        .optional()
        .describe(
          'Name that every server certificate has to hold; by default the host that is connected to.',
        ),
    })
    .optional()
    .describe(
      'How connections to servers and Sentinels are encrypted; {} encrypts with what Node.js trusts.',
    ),
  timeout: durationSchema
    .prefault('25ms')
    .describe('How long one decision waits for the store before the limit says itself what happens.'),
  connectTimeout: durationSchema.prefault('1s').describe('How long one attempt to connect may take.'),
});

export type RedisOptions = z.output<typeof redisSchema>;
