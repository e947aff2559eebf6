// An identity server that others wrote (npm `oidc-provider`), over HTTPS, mounted as Entra's are:
// `/{tenant}/v2.0`. It can lose its keys for others, and go away.
import { createServer } from 'node:https';
import { generateKeyPairSync, randomUUID } from 'node:crypto';

import Provider from 'oidc-provider';

const CLIENT = { client_id: 'billing', client_secret: randomUUID() };

/** A key that it signs with. */
function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' };
}

export class IdentityServer {
  #server;
  #handle;

  /** Starts one for a tenant, with the certificate and key of `tls`. */
  static async start(tenant, tls) {
    const identity = new IdentityServer();
    identity.tenant = tenant;
    identity.claims = { tid: tenant, oid: randomUUID() };
    identity.#server = createServer(tls, (request, response) => identity.#answer(request, response));
    await new Promise((resolve) => identity.#server.listen(0, '127.0.0.1', resolve));
    identity.origin = `https://127.0.0.1:${identity.#server.address().port}`;
    identity.url = `${identity.origin}/${tenant}/v2.0`;
    identity.rotate();
    return identity;
  }

  /** Signs with a new key from now on, and knows the old one no more. */
  rotate() {
    const provider = new Provider(this.url, {
      clients: [
        {
          ...CLIENT,
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
      cookies: { keys: [randomUUID()] },
      extraTokenClaims: () => this.claims,
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          // Azure's clients name the resource in the scope alone: `{resource}/.default`.
          defaultResource: (context) => context.oidc.params.scope.replace(/\/\.default$/, ''),
          getResourceServerInfo: (context, resource) => ({
            scope: context.oidc.params.scope,
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 3600,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
      jwks: { keys: [newKey()] },
    });
    this.#handle = provider.callback();
  }

  /** A token with its claims for a resource, as MSAL asks for it. */
  async token(call, resource = 'https://management.azure.com') {
    const { token_endpoint: endpoint } = (
      await call(`${this.url}/.well-known/openid-configuration`)
    ).json;
    const body = new URLSearchParams({
      ...CLIENT,
      grant_type: 'client_credentials',
      scope: `${resource}/.default`,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await call(endpoint, { method: 'POST', headers, body: body.toString() });
    if (answer.status !== 200) throw new Error(`no token: ${answer.text}`);
    return answer.json.access_token;
  }

  /** Answers no more. */
  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request, response) {
    const mount = `/${this.tenant}/v2.0`;
    if (!request.url.startsWith(`${mount}/`)) {
      response.writeHead(404).end();
      return;
    }
    request.originalUrl = request.url;
    request.url = request.url.slice(mount.length);
    this.#handle(request, response);
  }
}
