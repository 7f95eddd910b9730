// OpenID provider for tests: the certified engine `oidc-provider` in the clothes of a Keycloak realm.
// Usage: node referee.mjs CONFIG (JSON: clients, users); prints one line of JSON with its issuer.
// Everything lives in memory and is new at each start.
import { createServer } from 'node:http';
import { generateKeyPairSync, verify } from 'node:crypto';
import { Provider, errors } from 'oidc-provider';

const REALM = '/realms/urbanki';
const PROTOCOL = '/protocol/openid-connect';
const AUDIENCE = 'urbanki-model-server';
const RESOURCE = 'urn:urbanki:model-server';
const ACCESS_SECONDS = 300;
const ATTEMPTS = 5;
const { clients, users } = JSON.parse(process.argv[2]);
const failures = new Map();

const byId = (id) => Object.values(users).find((user) => user.sub === id && !user.disabled);
const roleClaims = (user) => ({
  realm_access: { roles: user.roles },
  groups: user.groups,
  preferred_username: user.username,
  name: user.name,
});
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function configuration() {
  return {
    clients,
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['only for tests'] },
    scopes: ['openid', 'profile'],
    claims: { openid: ['sub', 'typ', 'azp'], profile: ['name', 'preferred_username'] },
    pkce: { required: () => true },
    clientDefaults: { token_endpoint_auth_method: 'client_secret_post' },
    rotateRefreshToken: () => true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    ttl: { Session: 36000, Grant: 36000, Interaction: 600, IdToken: ACCESS_SECONDS, RefreshToken: 1800 },
    // The engine's own fetch refuses loopback addresses, where the tests wait for logouts.
    fetch: (url, options) => globalThis.fetch(url, { ...options, dispatcher: undefined }),
    routes: Object.fromEntries(Object.entries({
      authorization: 'auth', token: 'token', userinfo: 'userinfo', jwks: 'certs', end_session: 'logout',
      introspection: 'token/introspect', revocation: 'revoke',
    }).map(([name, path]) => [name, `${PROTOCOL}/${path}`])),
    interactions: { url: (_ctx, interaction) => `${REALM}/interaction/${interaction.uid}` },
    findAccount: async (ctx, sub) => byId(sub) && {
      accountId: sub,
      claims: async (use) => ({
        sub,
        ...roleClaims(byId(sub)),
        ...(use === 'id_token' ? { typ: 'ID', azp: ctx.oidc.client.clientId } : {}),
      }),
    },
    // A second login must find the first one's grant, or it would revoke its refresh token.
    loadExistingGrant: async (ctx) => {
      const { session, client, provider } = ctx.oidc;
      const known = session.grantIdFor(client.clientId);
      if (known) return provider.Grant.find(known);
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile');
      grant.addResourceScope(RESOURCE, 'openid profile');
      await grant.save();
      return grant;
    },
    formats: {
      customizers: {
        jwt: (_ctx, token, jwt) => {
          const user = byId(token.accountId);
          const service = { realm_access: { roles: ['service'] }, groups: ['/kommune/musterstadt'] };
          Object.assign(jwt.payload, { typ: 'Bearer', azp: token.clientId }, user ? roleClaims(user) : service);
          jwt.header = { typ: 'JWT' };
        },
      },
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = form.replace('</form>', '<input type="hidden" name="logout" value="yes"/></form>');
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: AUDIENCE,
          scope: 'openid profile',
          accessTokenTTL: ACCESS_SECONDS,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  };
}

const readForm = async (request) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
};
const answer = (response, status, body, type = 'application/json') => {
  response.writeHead(status, { 'content-type': type }).end(body);
};

async function login(provider, request, response) {
  if (request.method !== 'POST') {
    const form = `<form id="kc-form-login" method="post" action="${request.url}">
      <input name="username"><input name="password" type="password"></form>`;
    return answer(response, 200, form, 'text/html; charset=utf-8');
  }
  const form = await readForm(request);
  const user = users[form.get('username')];
  const failed = failures.get(user?.sub) ?? 0;
  if (!user || user.disabled || failed >= ATTEMPTS || user.password !== form.get('password')) {
    failures.set(user?.sub, failed + 1);
    return answer(response, 200, '<form id="kc-form-login">Invalid username or password.</form>', 'text/html; charset=utf-8');
  }
  failures.delete(user.sub);
  return provider.interactionFinished(request, response, { login: { accountId: user.sub } });
}

// Keycloak's own logout: a POST with the refresh token ends the whole session and tells the other clients.
async function endSession(provider, form, response) {
  const client = await provider.Client.find(form.get('client_id') ?? '');
  const token = await provider.RefreshToken.find(form.get('refresh_token') ?? '');
  if (!client || client.clientSecret !== form.get('client_secret') || token?.clientId !== client.clientId) {
    return answer(response, 400, '{"error":"invalid_grant"}');
  }
  const session = await provider.Session.findByUid(token.sessionUid);
  for (const [id, { sid, grantId }] of Object.entries(session?.authorizations ?? {})) {
    const other = await provider.Client.find(id);
    if (other.backchannelLogoutUri) await other.backchannelLogout(session.accountId, sid).catch(() => {});
    await provider.RefreshToken.revokeByGrantId(grantId);
  }
  await session?.destroy();
  response.writeHead(204).end();
}

// The engine keeps tokens of a resource away from userinfo, Keycloak does not.
function userinfo(request, response) {
  const [head, body = '', signature = ''] = (request.headers.authorization ?? '').replace('Bearer ', '').split('.');
  const isOurs = verify('RSA-SHA256', Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, 'base64url'));
  const user = isOurs && byId(JSON.parse(Buffer.from(body, 'base64url')).sub);
  if (!user) return answer(response, 401, '{"error":"invalid_token"}');
  return answer(response, 200, JSON.stringify({ sub: user.sub, ...roleClaims(user) }));
}

// Ends with the tests, however they end.
process.stdin.resume().on('end', () => process.exit());
const server = createServer();
server.listen(0, 'localhost', () => {
  const origin = `http://localhost:${server.address().port}`;
  const provider = new Provider(origin + REALM, configuration());
  provider.on('server_error', (_ctx, error) => console.error(error));
  provider.on('backchannel.error', (_ctx, error) => console.error('back-channel', error.message));
  const engine = provider.callback();
  server.on('request', async (request, response) => {
    try {
      const path = request.url.split('?')[0].replace(REALM, '');
      if (path.startsWith('/interaction/')) return await login(provider, request, response);
      if (path.startsWith('/referee/users/')) { // changes a person while she is signed in
        Object.assign(users[path.split('/')[3]], Object.fromEntries([...(await readForm(request))].map(([k, v]) => [k, JSON.parse(v)])));
        return answer(response, 204, '');
      }
      if (path === `${PROTOCOL}/userinfo`) return userinfo(request, response);
      const isPost = request.method === 'POST' && path === `${PROTOCOL}/logout`;
      if (isPost) return await endSession(provider, await readForm(request), response);
      request.originalUrl = request.url;
      request.url = request.url.replace(REALM, '') || '/';
      return engine(request, response);
    } catch (error) {
      const status = error instanceof errors.SessionNotFound ? 400 : 500;
      if (status === 500) console.error(error);
      return answer(response, status, '{}');
    }
  });
  console.log(JSON.stringify({ issuer: origin + REALM }));
});
