// Dead letters of a real broker: found, looked at, replayed once what was wrong is repaired, dropped.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { app, until } from './bed.js';
import { tokens } from './credentials.js';
import { payload } from './people_test.js';

const token = tokens.xiaomi.replace('5f0c', '2222');
const example = JSON.parse(readFileSync(join(process.env.NIGHTPOST_ROOT, 'config/example-event.json'), 'utf8'));

const open = (visitor, query) => visitor.call('get', '/v1/letters', { ...query });

async function dead(visitor, query) {
  return until('the dead letter', async () => {
    const { items } = await open(visitor, query);
    return items?.length > 0 && items;
  });
}

export const tests = [
  ['a push that died is found with its reason and what to do', async (world) => {
    const { admin, bed } = world;
    await bed.worker;
    bed.chat([`/token 9999 ${token}`, '/background'], '--user', 'lost', '--platform', 'android');
    bed.write('event.json', JSON.stringify({ ...example, event_id: 'browser-dead', from: { user_id: 'denny', nick: payload, name_card: '' }, to: [{ user_id: 'lost' }] }));
    bed.run('event', 'publish', '--config', bed.config, '--now', 'event.json');
    const [letter] = await dead(admin, { event: 'browser-dead' });
    await admin.go('letters');
    await admin.says(/browser-dead[^]*certificate the device reported does not exist/);
    await admin.page.getByRole('link', { name: letter.letter, exact: true }).click();
    await admin.title(`Dead letter ${letter.letter}`);
    await admin.says(/What to do:[^]*certificate/);
    await admin.says(/<img src=x onerror/);
    await admin.says(/audit log/);
    await admin.shot('en-light-letter');
    await admin.accessible('a dead letter');
    assert.equal(await admin.page.evaluate(() => window.__ran), undefined);
    const { items } = await admin.call('get', '/v1/audit', { what: 'letter.read' });
    assert.ok(items.some((each) => each.object === letter.letter), JSON.stringify(items));
  }],
  ['the live view shows what becomes of pushes as they come', async ({ admin, bed }) => {
    const { page } = admin;
    await admin.go('live?user=nobody-live');
    await until('the topic', async () => (await admin.call('get', '/v1/live')).trouble === '');
    bed.write('live.json', JSON.stringify({ ...example, event_id: 'browser-live', to: [{ user_id: 'nobody-live' }] }));
    await until('the outcome', async () => { // what is published while the end is being looked up is not seen
      bed.run('event', 'publish', '--config', bed.config, '--now', 'live.json');
      return (await admin.call('get', '/v1/live', { after: 0, user: 'nobody-live' })).items.length > 0;
    });
    await admin.says(/nobody-live[^]*browser-live/);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Go on' }).waitFor();
    await page.getByRole('link', { name: 'browser-live' }).first().click();
    await admin.drawn();
  }],
  ['it is replayed after a dry run, once the device is right, and arrives', async ({ admin, bed, ids }) => {
    const { page } = admin;
    bed.chat([`/token ${ids.xiaomi} ${token}`, '/background'], '--user', 'lost', '--platform', 'android');
    await admin.go('letters?event=browser-dead');
    await page.getByRole('button', { name: 'Replay…' }).click();
    const dialog = page.locator('dialog[open]');
    await dialog.getByText('Replay 1 letter?').waitFor();
    await admin.shot('en-light-replay');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await open(admin, { event: 'browser-dead' })).items.length, 1);
    await page.getByRole('button', { name: 'Replay…' }).click();
    await dialog.waitFor();
    await admin.confirm();
    await page.getByText('1 replayed.').waitFor();
    await admin.says(/No dead letters/);
    await until('the push at the vendor', () => bed.sandboxRequests('xiaomi').some((each) => each.body?.includes(token) && each.verdict.status === 200));
    await admin.go('letters?event=browser-dead&state=all');
    await admin.says(/Replayed/);
  }],
  ['what can never be sent is dropped', async ({ admin, bed }) => {
    const { page } = admin;
    execFileSync('kcat', ['-P', '-b', `127.0.0.1:${bed.brokerPort}`, '-t', 'nightpost.offline.v1'], { input: payload, stdio: ['pipe', 'ignore', 'ignore'] });
    await dead(admin, { rule: 'malformed' });
    await admin.go('letters?rule=malformed'); // an event that cannot be read names nobody who is left
    const [letter] = (await open(admin, { rule: 'malformed' })).items;
    assert.equal(letter.left, null);
    await admin.go(`letters/${letter.letter}`);
    await admin.title(`Dead letter ${letter.letter}`);
    await admin.go('letters?rule=malformed');
    await page.getByRole('button', { name: 'Drop…' }).click();
    await page.locator('dialog[open]').waitFor();
    await admin.confirm();
    await page.getByText('1 dropped.').waitFor();
    await admin.says(/No dead letters/);
    await admin.go('letters?rule=malformed&state=all');
    await admin.says(/Dropped/);
  }],
];
