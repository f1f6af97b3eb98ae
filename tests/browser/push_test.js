// A test push with its preview, exact request and outcome, at every vendor; and the trace of a real one.
import assert from 'node:assert/strict';
import { app, until } from './bed.js';
import { tokens } from './credentials.js';
import { evil, payload } from './people_test.js';

export const tests = [
  ['the preview follows what is typed; the request is shown and nothing is sent', async ({ admin, bed }) => {
    const { page } = admin;
    const before = bed.sandboxRequests('apns').length;
    await admin.go(`send?app=${app}&user=mei&device=phone-apns`);
    await admin.fill({ title: payload, desc: 'are you coming?', badge: 7 });
    assert.match(await page.locator('.phone').innerText(), /<img src=x[^]*are you coming\?/);
    assert.match(await page.locator('.phone .badge').innerText(), /7/);
    await page.locator('button[name=show]').click();
    await admin.says(/apns-topic: com\.example\.shop/);
    const shown = await page.locator('pre').innerText();
    assert.match(shown, /"are you coming\?"/);
    assert.doesNotMatch(shown, /eyJ[A-Za-z0-9_-]{20,}/, 'a signature is on the page');
    assert.equal(bed.sandboxRequests('apns').length, before);
  }],
  ...Object.keys(tokens).filter((vendor) => vendor !== 'meizu').map((vendor) => [`a test push reaches ${vendor}`, async ({ admin, bed }) => {
    await admin.go(`send?app=${app}&user=mei&device=phone-${vendor}`);
    await admin.fill({ title: 'Denny', desc: `hello ${vendor}` });
    await admin.page.locator('button[name=send]').click();
    await admin.says(/Accepted/);
    assert.ok(bed.sandboxRequests(vendor).some((each) => each.body?.includes(`hello ${vendor}`) || decodeURIComponent(each.body ?? '').includes(`hello ${vendor}`) || decodeURIComponent((each.body ?? '').replaceAll('+', ' ')).includes(`hello ${vendor}`)), `nothing came to ${vendor}`);
  }]),
  ['a push that cannot be is explained', async ({ admin }) => {
    await admin.go('send');
    await admin.fill({ app_id: app, user_id: 'nobody' });
    await admin.page.locator('button[name=send]').click();
    await admin.says(/no device/i);
    await admin.go(`send?app=${app}&user=mei`);
    await admin.fill({ desc: '' });
    await admin.page.locator('button[name=send]').click();
    await admin.page.locator('[name=desc][aria-invalid=true]').waitFor();
  }],
  ['a vendor\'s words that are markup are shown as they are', async ({ admin, bed }) => {
    bed.script([{ match: { vendor: 'apns', token: tokens.apns }, act: { status: 400, reason: payload } }]);
    await admin.go(`send?app=${app}&user=mei&device=phone-apns`);
    await admin.page.locator('button[name=send]').click();
    await admin.says(/Rejected/);
    await admin.says(/<img src=x onerror/);
    bed.script([]);
    assert.equal(await admin.page.evaluate(() => window.__ran), undefined);
  }],
  ['the trace of a push tells each hop, how it ended and what to do', async (world) => {
    const { admin, bed, ids } = world;
    const token = tokens.apns.replace('9d3c', '1111');
    bed.chat([`/token ${ids.apns} ${token}`, '/background'], '--user', 'vinson', '--platform', 'ios');
    bed.script([{ match: { vendor: 'apns', token }, act: { status: 400, reason: payload } }]);
    bed.chat(['are you coming?'], '--user', 'denny', '--to', 'vinson');
    await until('the outcome in the trace', async () => {
      const { items } = await admin.call('get', '/v1/trace/users', { app, user: 'vinson' });
      return items?.some((each) => each.last === 'rejected' || each.last === 'dead');
    });
    bed.script([]);
    await admin.go(`trace?app=${app}&user=vinson`);
    await admin.says(/Latest pushes of vinson/);
    await admin.page.locator('td a').first().click();
    await admin.title('What became of the push');
    await admin.says(/Taken from the queue[^]*Ended[^]*Rejected[^]*What to do:|Taken from the queue[^]*What to do:[^]*Ended[^]*Rejected/);
    await admin.says(/<img src=x onerror/);
    assert.equal(await admin.page.evaluate(() => window.__ran), undefined);
    world.event = decodeURIComponent(new URL(admin.page.url()).hash.split('/')[2]);
    await admin.go('trace');
    await admin.fill({ event: 'no-such-event' });
    await admin.page.locator('main form').first().getByRole('button').click();
    await admin.says(/Not found/);
  }],
  ['a user whose name is markup gets a test push, too', async ({ admin }) => {
    await admin.go(`send?app=${app}&user=${encodeURIComponent(evil)}`);
    await admin.page.locator('button[name=show]').click();
    await admin.says(/<img src=x onerror[^]*apns-topic/);
    assert.equal(await admin.page.evaluate(() => window.__ran), undefined);
  }],
];
