// What a credential was: its versions and the way back, a removal taken back, and removals that are held.
import assert from 'node:assert/strict';
import { app } from './bed.js';

const name = 'history';
const other = 'com.example.other';

const certificate = ({ admin, ids }) => admin.call('get', `/v1/certificates/${ids.history}`);
const versions = ({ page }) => page.getByRole('region', { name: 'Versions' });

/// Opens the dialog that asks before a roll back to the version of this row.
async function askBack(admin, row) {
  await versions(admin).locator('tbody tr').nth(row).getByRole('button', { name: 'Roll back to this' }).click();
  const dialog = admin.page.locator('dialog[open]');
  await dialog.waitFor();
  return dialog.innerText();
}

export const tests = [
  ['an edit is a version: who made it, and what changed', async (world) => {
    const { admin, credentials } = world;
    const { page } = admin;
    await admin.go('certificates/add?vendor=meizu');
    await admin.fill({ app_id: app, name, ...credentials.good.meizu, verify: false });
    await page.locator('button[name=save]').click();
    await admin.title(name);
    const { items } = await admin.call('get', '/v1/certificates');
    world.ids = { ...world.ids, history: items.find((each) => each.name === name).id };
    assert.equal(await versions(admin).locator('tbody tr').count(), 1);
    assert.equal(await versions(admin).getByRole('button').count(), 0);

    await admin.go(`certificates/${world.ids.history}/edit`);
    await admin.fill({ bundle_id: other, verify: false });
    await page.locator('main button[type=submit]').click();
    await admin.title(name);
    const rows = await versions(admin).locator('tbody tr').allInnerTexts();
    assert.equal(rows.length, 2);
    assert.match(rows[0], /^2\b[^]*console:[^]*package: com\.example\.shop → com\.example\.other[^]*In use/);
    assert.match(rows[1], /^1\b[^]*Roll back to this/);
  }],
  ['a roll back names what changes, and does nothing until it is meant', async (world) => {
    const { admin } = world;
    const { page } = admin;
    await admin.go(`certificates/${world.ids.history}`);
    assert.match(await askBack(admin, 1), /Roll back history to version 1\?[^]*package: com\.example\.other → com\.example\.shop/);
    await admin.accessible('the dialog of a roll back');
    await page.keyboard.press('Escape');
    assert.equal((await certificate(world)).version, 2);
    await askBack(admin, 1);
    await admin.confirm();
    await page.getByText('Changed: version 3 is in use.').waitFor();
    await admin.drawn();
    const after = await certificate(world);
    assert.deepEqual([after.version, after.bundle_id], [3, 'com.example.shop']);
    assert.equal(await versions(admin).locator('tbody tr').count(), 3);
  }],
  ['a roll back that cannot be is explained, and changes nothing', async (world) => {
    const { admin } = world;
    const { page } = admin;
    await admin.go(`certificates/${world.ids.history}`);
    await askBack(admin, 1);
    // Somebody else was faster.
    const rolled = await admin.call('post', `/v1/certificates/${world.ids.history}/rollback`, { version: 2 });
    assert.equal(rolled.version, 4);
    const removed = await admin.call('remove', `/v1/certificates/${world.ids.history}`);
    assert.deepEqual(removed, {});
    await admin.confirm();
    await admin.says(/It is in the way of something else[^]*was removed: restore it first/);
    const restored = await admin.call('post', `/v1/certificates/${world.ids.history}/restore`, {});
    assert.equal(restored.version, 5);
    for (const [version, code] of [[99, 'invalid'], [5, 'conflict'], [0, 'malformed']]) {
      const refused = await admin.call('post', `/v1/certificates/${world.ids.history}/rollback`, { version });
      assert.deepEqual([refused.code, refused.path], [code, 'version']);
    }
    await page.reload();
    await admin.drawn();
  }],
  ['a viewer sees versions and what was removed, and is offered no way back', async ({ visitor, tokens, ids }) => {
    const viewer = await visitor();
    await viewer.logIn(tokens.viewer);
    await viewer.go(`certificates/${ids.history}`);
    await viewer.says(/package: com\.example\.shop → com\.example\.other/);
    assert.equal(await viewer.page.locator('main').getByRole('button', { name: 'Roll back to this' }).count(), 0);
    await viewer.go('certificates/removed');
    await viewer.says(/dropped/); // by certificates_test.js
    assert.equal(await viewer.page.locator('main').getByRole('button', { name: 'Restore' }).count(), 0);
    const refused = await viewer.call('post', `/v1/certificates/${ids.history}/rollback`, { version: 1 });
    assert.deepEqual([refused.failed, refused.code], [403, 'forbidden']);
    await viewer.close();
  }],
  ['what was removed is listed and restored, under its id', async (world) => {
    const { admin, ids } = world;
    const { page } = admin;
    await admin.go(`certificates/${ids.history}`);
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await admin.confirm(name);
    await admin.title('Certificates');
    assert.equal((await certificate(world)).failed, 404);
    await page.getByRole('link', { name: 'Removed certificates' }).click();
    await admin.title('Removed certificates');
    await page.locator('tr', { hasText: name }).getByRole('button', { name: 'Restore' }).click();
    await page.keyboard.press('Escape'); // nothing happens
    assert.equal((await certificate(world)).failed, 404);
    await page.locator('tr', { hasText: name }).getByRole('button', { name: 'Restore' }).click();
    await admin.confirm();
    await admin.title(name);
    const after = await certificate(world);
    assert.deepEqual([after.id, after.version, after.status], [ids.history, 6, 'active']);
  }],
  ['what is held is shown with its reason, and goes once that is confirmed', async (world) => {
    const { admin, ids } = world;
    const { page } = admin;
    const list = /\/v1\/removals\/held/;
    // A worker holds removals once many tokens have died; here the page is told so, and what it asks for is real.
    const item = { id: ids.history, app_id: app, vendor: 'meizu', name, held: 12, unkept: 3, since: Date.now() - 3600e3, last: Date.now(), said_by: ['answers', 'receipts'], code: '110003', workers: 1, approved_until: null };
    await page.route(list, (route) => route.fulfill({ json: { items: [item] } }));
    for (const view of ['overview', `certificates/${ids.history}`]) {
      await admin.go(view);
      await admin.says(/12 dead tokens are not removed[^]*Too many died at once[^]*answers to pushes[^]*receipts[^]*110003/);
      await admin.accessible(`${view} with held removals`);
    }
    await page.getByRole('button', { name: 'Yes, remove' }).click();
    const dialog = page.locator('dialog[open]');
    await dialog.waitFor();
    assert.match(await dialog.innerText(), /Remove 12 devices of history\?/);
    await page.keyboard.press('Escape');
    assert.deepEqual((await admin.call('get', '/v1/audit', { what: 'certificate.approve' })).items, []);
    await page.getByRole('button', { name: 'Yes, remove' }).click();
    await dialog.locator('select').selectOption({ label: '6 hours' });
    await page.unroute(list);
    const before = Date.now();
    await admin.confirm();
    await admin.says(/Dead tokens are removed, however many, until/);
    const [entry] = (await admin.call('get', '/v1/audit', { what: 'certificate.approve' })).items;
    assert.deepEqual([entry.object, entry.after.removed, entry.outcome], [String(ids.history), 0, 'done']);
    assert.ok(entry.after.approved_until - before >= 6 * 3600e3);
    await admin.go('overview');
    await admin.says(/history[^]*Dead tokens are removed, however many, until/);
  }],
  ['what each of these did is in the audit log', async ({ admin }) => {
    await admin.go('audit?what=certificate.');
    await admin.says(/Held removals approved/);
    await admin.says(/Removed certificate restored/);
    await admin.says(/Certificate rolled back/);
  }],
];
