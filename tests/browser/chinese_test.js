// The main flows once more by somebody who reads Chinese: no name of a button or a heading is English here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { app, until } from './bed.js';
import { tokens } from './credentials.js';

const folder = join(process.env.NIGHTPOST_ROOT, 'src/admin/page');
const [en, zh] = await Promise.all(['en', 'zh'].map(async (name) => (await import(join(folder, `${name}.js`))).default));
const example = JSON.parse(readFileSync(join(process.env.NIGHTPOST_ROOT, 'config/example-event.json'), 'utf8'));
const token = tokens.xiaomi.replace('d5ig', '3333');

/// What the page says in Chinese where it says this in English.
function say(english, values = {}) {
  const key = Object.keys(en).find((each) => en[each] === english);
  assert.ok(key, `no text "${english}"`);
  return Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), zh[key]);
}
const words = (english, values) => new RegExp(say(english, values).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
const stored = async (visitor) => (await visitor.call('get', '/v1/certificates')).items;

async function add(visitor, vendor, values) {
  await visitor.go(`certificates/add?vendor=${vendor}`);
  await visitor.fill({ app_id: app, ...values });
  await visitor.page.locator('button[name=save]').click();
}

export const tests = [
  ['a credential of each vendor is added', async (world) => {
    const { admin, bed, credentials, visitor } = world;
    const made = await admin.call('post', '/v1/tokens', { name: 'chinese', role: 'admin', apps: null, expires_at: null });
    const reader = world.chinese = await visitor({ language: 'zh' });
    await reader.logIn(made.secret);
    await reader.title(say('Overview'));
    for (const vendor of Object.keys(credentials.good)) {
      await add(reader, vendor, { name: `zh-${vendor}`, ...credentials.good[vendor], host: bed.vendors[vendor].url, ca: bed.ca });
      await reader.title(`zh-${vendor}`);
      await reader.says(words('Certificate ID'));
    }
  }],
  ['bad ones are explained and store nothing', async ({ chinese: reader, credentials }) => {
    const before = (await stored(reader)).length;
    const missed = [];
    for (const [vendor, what, values] of credentials.bad) {
      await add(reader, vendor, { name: 'bad', ...values });
      // By the server's codes, at the field; or what the page finds by itself.
      const shown = await reader.page.waitForFunction(() => [...document.querySelectorAll('main .mistake:not([hidden]), main [role=alert], main .said')].some((each) => /\p{Script=Han}/u.test(each.innerText)), undefined, { timeout: 20_000 })
        .then(() => true, () => false);
      if (!shown) missed.push(`${vendor}, ${what}: "${await reader.text()}"`);
    }
    assert.deepEqual(missed, []);
    assert.equal((await stored(reader)).length, before);
  }],
  ['an edit and the way back', async ({ chinese: reader }) => {
    const { page } = reader;
    const { id } = (await stored(reader)).find((each) => each.name === 'zh-oppo');
    await reader.go(`certificates/${id}/edit`);
    await reader.fill({ 'settings.channel_id': 'chat2' });
    await page.locator('main button[type=submit]').click();
    await reader.title('zh-oppo');
    await page.getByRole('button', { name: say('Roll back to this') }).click();
    await page.locator('dialog[open]').getByText(words('Roll back {name} to version {version}?', { name: 'zh-oppo', version: 1 })).waitFor();
    await reader.confirm();
    await until('the roll back', async () => (await reader.call('get', `/v1/certificates/${id}`)).version === 3);
    assert.equal((await reader.call('get', `/v1/certificates/${id}`)).settings.channel_id, 'chat');
  }],
  ['a test push, and the trace of a real one', async ({ chinese: reader }) => {
    await reader.go(`send?app=${app}&user=mei&device=phone-fcm`);
    await reader.fill({ title: '丹尼', desc: '你来吗？' });
    assert.match(await reader.page.locator('.phone').innerText(), /丹尼[^]*你来吗？/);
    await reader.page.locator('button[name=send]').click();
    await reader.says(words('Accepted'));
    await reader.go(`trace?app=${app}&user=vinson`);
    await reader.page.locator('td a').first().click();
    await reader.title(say('What became of the push'));
    await reader.says(words('Taken from the queue'));
  }],
  ['a dead letter is replayed', async ({ chinese: reader, bed, ids }) => {
    const { page } = reader;
    bed.chat([`/token 9999 ${token}`, '/background'], '--user', 'lost-zh', '--platform', 'android');
    bed.write('event-zh.json', JSON.stringify({ ...example, event_id: 'browser-dead-zh', to: [{ user_id: 'lost-zh' }] }));
    bed.run('event', 'publish', '--config', bed.config, '--now', 'event-zh.json');
    await until('the dead letter', async () => (await reader.call('get', '/v1/letters', { event: 'browser-dead-zh' })).items?.length > 0);
    bed.chat([`/token ${ids.xiaomi} ${token}`, '/background'], '--user', 'lost-zh', '--platform', 'android');
    await reader.go('letters?event=browser-dead-zh');
    await page.getByRole('button', { name: say('Replay…') }).click();
    await page.locator('dialog[open]').waitFor();
    await reader.confirm();
    await reader.says(words('No dead letters.'));
    await until('the push at the vendor', () => bed.sandboxRequests('xiaomi').some((each) => each.body?.includes(token) && each.verdict.status === 200));
  }],
  ['a viewer is told what they may not do', async ({ chinese: reader, visitor, tokens: made, ids }) => {
    await reader.close();
    const viewer = await visitor({ language: 'zh' });
    await viewer.logIn(made.viewer);
    await viewer.go(`certificates/${ids.apns}`);
    assert.equal(await viewer.page.locator('main').getByRole('button', { name: say('Disable') }).count(), 0);
    await viewer.go('tokens');
    await viewer.says(words('Your role may not do this'));
    await viewer.close();
  }],
];
