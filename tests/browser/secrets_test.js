// After all the others, at log level debug: no secret, session or whole device token stands in a log, an answer or a page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { p12Password, secret, tokens } from './credentials.js';

const shortest = 16; // what is looked for is no shorter
const logs = ['console', 'worker', 'all'];

/// Lines of a private key that no other file has; the first begins as each key does.
const ofKey = (pem) => pem.trim().split('\n').slice(2, -1).filter((line) => line.length >= shortest);

/// What must not stand anywhere: [what it is, the text, where it may stand].
function secrets(bed) {
  const file = (name) => readFileSync(bed.path(name), 'utf8');
  const all = [['a vendor\'s secret', secret], ['the password of a .p12', p12Password], ['the master key', file('master.key').trim()], ['the key of an app', file('app.key').trim()]];
  for (const name of ['AuthKey_ABC123DEFG.p8', 'push.key', 'im.key']) for (const line of ofKey(file(name))) all.push([`${name}`, line]);
  for (const cookie of bed.cookies) all.push(['a session', cookie]);
  for (const [where, text] of bed.heard) {
    const answer = where.startsWith('page ') ? null : parsed(text);
    if (where === 'POST /v1/tokens' && answer?.secret) all.push(['an API token', answer.secret, where]);
    if (where.endsWith('/receipt-key') && answer?.receipt_key) all.push(['a receipt key', answer.receipt_key, where]);
  }
  // Grants and signatures, as the vendors got them.
  for (const vendor of Object.keys(tokens)) {
    for (const { headers = [] } of bed.sandboxRequests(vendor)) {
      for (const [name, value] of headers) if (/auth/i.test(name)) all.push([`what ${vendor} was authorized by`, value.replace(/^\w+[ =]/, '')]);
    }
  }
  return all.filter(([, text], i) => text.length >= shortest && all.findIndex((each) => each[1] === text) === i);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function found(wanted, texts) {
  const places = new Set();
  for (const [where, text] of texts) {
    for (const [what, hidden, allowed] of wanted) if (where !== allowed && text.includes(hidden)) places.add(`${what}: ${where}`);
  }
  return [...places];
}

export const tests = [
  ['no secret, session or device token stands in a log', ({ bed }) => {
    const wanted = [...secrets(bed), ...Object.entries(tokens).map(([vendor, token]) => [`a token of ${vendor}`, token])];
    // The one-time link is for a terminal: it is printed, and no line of the log.
    const texts = logs.map((name) => [name, bed.log(name).split('\n').filter((line) => !line.includes('#/login?code=') || line.startsWith('{')).join('\n')]);
    for (const [name, text] of texts) assert.match(text, /"level":"/, `${name} wrote no log`);
    assert.deepEqual(found(wanted, texts), []);
    for (const [name, text] of texts) assert.doesNotMatch(text, /npt_\w{16}|PRIVATE KEY|eyJ[\w-]{16,}\.eyJ|code=\w{16}/, name);
    assert.deepEqual(found(wanted, [['planted', `"${secret}" ${tokens.xiaomi}`]]), ['a vendor\'s secret: planted', 'a token of xiaomi: planted']);
  }],
  ['nor in an answer or on a page, but where it is made or asked for', async ({ admin, bed }) => {
    for (const cookie of await admin.context.cookies()) bed.cookies.add(cookie.value);
    const wanted = secrets(bed);
    for (const kind of ['a vendor\'s secret', 'a session', 'an API token', 'a receipt key', 'AuthKey_ABC123DEFG.p8', 'what fcm was authorized by']) assert.ok(wanted.some(([what]) => what === kind), `nothing to look for: ${kind}`);
    assert.ok(bed.heard.length > 300, `${bed.heard.length} texts`);
    const shown = bed.heard.filter(([where]) => !where.includes('receipt-key'));
    assert.deepEqual(found(wanted, shown), []);
  }],
];
