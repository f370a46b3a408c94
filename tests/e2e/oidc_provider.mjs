// oidc_provider.mjs FOLDER PORT REDIRECT SECRET: a certified OpenID provider
// (oidc-provider, installed in FOLDER) on loopback, for the tests. Two clients:
// one whose ID tokens are signed by RS256, one by ES256. Prints "ready".
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [folder, port, redirect, secret] = process.argv.slice(2);
const { default: Provider } = await import(
  pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));

const jwk = (type, options, more) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  use: 'sig', ...more,
});
const client = (id, alg) => ({
  client_id: id, client_secret: secret,
  redirect_uris: [redirect], response_types: ['code'],
  grant_types: ['authorization_code'], id_token_signed_response_alg: alg,
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client('payvand-rsa', 'RS256'), client('payvand-ec', 'ES256')],
  jwks: { keys: [jwk('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'r' }),
    jwk('ec', { namedCurve: 'P-256' }, { alg: 'ES256', kid: 'e' })] },
  cookies: { keys: ['test'] },
  pkce: { methods: ['S256'], required: () => true },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
