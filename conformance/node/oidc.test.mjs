// `tallyhouse serve` beside two identity servers that others wrote: it has no issuer of its own there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { after, before } from 'node:test';

import { IdentityServer } from './identity.mjs';

const FOLDER = process.env.TALLYHOUSE_OIDC;
const DATA = join(FOLDER, 'data');
const TENANTS = ['aaaaaaaa-1111-4111-8111-111111111111', 'bbbbbbbb-1111-4111-8111-111111111111'];
const SUBSCRIPTIONS = ['aaaaaaaa-2222-4222-8222-222222222222', 'bbbbbbbb-2222-4222-8222-222222222222'];

let ours, theirs, server, url;

/** Asks an address; trusts the authorities of the identity servers and of Tallyhouse. */
async function call(address, { method = 'GET', headers = {}, body } = {}) {
  const authorities = [join(FOLDER, 'ca.pem'), join(DATA, 'ca.pem')].filter(existsSync);
  const ca = authorities.map((file) => readFileSync(file));
  const asking = request(address, { method, headers, ca, agent: false });
  asking.end(body);
  const [answer] = await once(asking, 'response');
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) text += piece;
  const isJson = /json/.test(answer.headers['content-type'] ?? '');
  return { status: answer.statusCode, text, json: isJson ? JSON.parse(text) : undefined };
}

function api(path, token, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const method = body ? 'POST' : 'GET';
  return call(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
}

function usage(subscription, token) {
  const range = 'reportedStartTime=2026-01-01T00:00:00Z&reportedEndTime=2026-01-02T00:00:00Z';
  const provider = `/subscriptions/${subscription}/providers/Microsoft.Commerce`;
  return api(`${provider}/UsageAggregates?api-version=2015-06-01-preview&${range}`, token);
}

async function refused(answer, status, code) {
  const { status: given, json, text } = await answer;
  assert.deepEqual([given, json?.error?.code], [status, code], text);
}

before(async () => {
  const tls = {
    cert: readFileSync(join(FOLDER, 'server.pem')),
    key: readFileSync(join(FOLDER, 'server.key')),
  };
  [ours, theirs] = await Promise.all(TENANTS.map((tenant) => IdentityServer.start(tenant, tls)));
  const issuer = ({ url: name, tenant }) =>
    `[[issuers]]\nurl = "${name}"\ntenants = ["${tenant}"]\nca_file = "${join(FOLDER, 'ca.pem')}"\n`;
  const settings =
    `administrators = ["${ours.claims.oid}@${ours.tenant}"]\n` + issuer(ours) + issuer(theirs);
  writeFileSync(join(FOLDER, 'tallyhouse.toml'), settings);
  const flags = ['--data', DATA, '--config', join(FOLDER, 'tallyhouse.toml')];
  server = spawn(process.env.TALLYHOUSE_BINARY, ['serve', '--listen', '127.0.0.1:0', ...flags], {
    stdio: ['ignore', 'pipe', openSync(join(FOLDER, 'serve.log'), 'w')],
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  url = line.match(/https:\S+/)[0];
  const administrator = await ours.token(call);
  for (const [place, subscriptionId] of SUBSCRIPTIONS.entries()) {
    const offer = { offer: 'MS-AZR-0003P', currency: 'USD', locale: 'en-US', region: 'US' };
    const tenantId = TENANTS[place];
    const made = { subscriptionId, displayName: subscriptionId, ...offer, tenantId };
    assert.equal((await api('/tallyhouse/v1/subscriptions', administrator, made)).status, 201);
  }
  const role = {
    principalId: theirs.claims.oid,
    role: 'Reader',
    scope: `/subscriptions/${SUBSCRIPTIONS[1]}`,
  };
  assert.equal((await api('/tallyhouse/v1/role-assignments', administrator, role)).status, 201);
});

after(async () => {
  await theirs?.stop();
  await ours?.stop().catch(() => {}); // a test stopped it
  if (server) {
    server.kill('SIGTERM');
    const [code] = await once(server, 'exit');
    assert.equal(code, 0);
  }
});

test('a token of an identity server is taken with a role', async () => {
  const answer = await usage(SUBSCRIPTIONS[1], await theirs.token(call));
  assert.deepEqual([answer.status, answer.json], [200, { value: [] }]);
});

test('there is no issuer beside the identity servers', async () => {
  assert.ok(!existsSync(join(DATA, 'admin.token')));
  const discovery = await call(`${url}/${TENANTS[0]}/v2.0/.well-known/openid-configuration`);
  assert.equal(discovery.status, 404);
});

test('a token for another audience is refused', async () => {
  const token = await theirs.token(call, 'https://graph.microsoft.com');
  await refused(usage(SUBSCRIPTIONS[1], token), 401, 'InvalidAuthenticationToken');
});

test('a changed token is refused', async () => {
  const [head, body, signature] = (await theirs.token(call)).split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  assert.equal(claims.oid, theirs.claims.oid);
  const changed = JSON.stringify({ ...claims, exp: claims.exp + 1 });
  const token = [head, Buffer.from(changed).toString('base64url'), signature].join('.');
  await refused(usage(SUBSCRIPTIONS[1], token), 401, 'InvalidAuthenticationToken');
});

test('two identity servers are two tenants', async () => {
  const token = await theirs.token(call);
  await refused(usage(SUBSCRIPTIONS[0], token), 404, 'SubscriptionNotFound');
  const claims = theirs.claims;
  // The administrator's object id counts with its own identity server alone.
  theirs.claims = { ...claims, oid: ours.claims.oid };
  const roles = api('/tallyhouse/v1/role-assignments', await theirs.token(call));
  await refused(roles, 403, 'AuthorizationFailed');
  // And none speaks for the tenant of another.
  theirs.claims = ours.claims;
  const impostor = api('/tallyhouse/v1/role-assignments', await theirs.token(call));
  await refused(impostor, 401, 'InvalidAuthenticationToken');
  theirs.claims = claims;
});

test('keys that rotate are followed without a restart', async () => {
  const before = await ours.token(call);
  assert.equal((await usage(SUBSCRIPTIONS[0], before)).status, 200);
  ours.rotate();
  const rotated = await ours.token(call);
  assert.equal((await usage(SUBSCRIPTIONS[0], rotated)).status, 200);
  // The old key is gone, and its tokens with it.
  await refused(usage(SUBSCRIPTIONS[0], before), 401, 'InvalidAuthenticationToken');
});

test('known keys count while the identity server is down', async () => {
  const token = await ours.token(call);
  await ours.stop();
  assert.equal((await usage(SUBSCRIPTIONS[0], token)).status, 200);
  assert.equal((await call(`${url}/readyz`)).json.issuers, 'ok');
});
