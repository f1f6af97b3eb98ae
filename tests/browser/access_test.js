// What each role sees and may do; tokens; the audit log.
import assert from 'node:assert/strict';
import { app, otherApp } from './bed.js';
import { secret as vendorSecret } from './credentials.js';
import { payload } from './people_test.js';

export const tests = [
  ['a viewer sees, and is offered nothing that changes', async ({ visitor, tokens, ids }) => {
    const viewer = await visitor();
    await viewer.logIn(tokens.viewer);
    const places = await viewer.page.locator('nav a').allInnerTexts();
    assert.deepEqual(places.map((each) => each.trim()), ['Overview', 'Certificates', 'Devices and users', 'Companion', 'Trace', 'Live', 'Workers', 'Dead letters']);
    await viewer.go(`certificates/${ids.apns}`);
    for (const name of ['Disable', 'Edit or replace', 'Remove', 'Test push']) assert.equal(await viewer.page.locator('main').getByText(name, { exact: true }).count(), 0, name);
    await viewer.go(`users/${app}/mei`);
    assert.deepEqual(await viewer.page.locator('main').getByRole('button').allInnerTexts(), ['Look']); // what a push would do: a look
    // The server refuses what the page does not offer.
    const refused = await viewer.call('post', `/v1/certificates/${ids.apns}/disable`, {});
    assert.deepEqual([refused.failed, refused.code], [403, 'forbidden']);
    await viewer.go('tokens');
    await viewer.says(/Your role may not do this/);
    await viewer.close();
  }],
  ['a sender sends, an operator edits, neither manages tokens', async ({ visitor, tokens, ids }) => {
    const sender = await visitor();
    await sender.logIn(tokens.sender);
    await sender.go(`certificates/${ids.apns}`);
    assert.equal(await sender.page.getByRole('link', { name: 'Test push' }).count(), 2);
    assert.equal(await sender.page.getByRole('button', { name: 'Disable' }).count(), 0);
    await sender.close();
    const operator = await visitor();
    await operator.logIn(tokens.operator);
    await operator.go(`certificates/${ids.apns}`);
    assert.equal(await operator.page.getByRole('button', { name: 'Disable' }).count(), 1);
    assert.equal(await operator.page.getByRole('button', { name: 'Remove', exact: true }).count(), 0);
    assert.equal(await operator.page.getByRole('link', { name: 'Tokens and roles' }).count(), 0);
    await operator.close();
  }],
  ['a token is made, shown once, works for its apps alone, and is revoked with its sessions', async ({ admin, visitor, ids }) => {
    const { page } = admin;
    await admin.go('tokens');
    await page.getByRole('button', { name: 'Add a token' }).click();
    const dialog = page.locator('dialog[open]');
    await dialog.locator('[name=name]').fill('other-shop');
    await dialog.locator('[name=role]').selectOption('operator');
    await dialog.locator('[name=apps]').fill(String(otherApp));
    await dialog.locator('button[type=submit]').click();
    const secret = await dialog.locator('.copyable code').innerText();
    assert.match(secret, /^npt_/);
    await dialog.getByRole('button', { name: 'I have kept it' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('tr', { hasText: 'other-shop' }).waitFor();
    assert.ok(!(await page.content()).includes(secret));

    const other = await visitor();
    await other.logIn(secret);
    await other.go('certificates');
    await other.says(/No certificates/);
    await other.go(`certificates/${ids.apns}`);
    await other.says(/Not found/);

    await page.locator('tr', { hasText: 'other-shop' }).getByRole('button', { name: 'Revoke' }).click();
    await admin.confirm();
    await page.locator('tr', { hasText: 'other-shop' }).locator('.pill', { hasText: 'Revoked' }).waitFor();
    await other.page.getByRole('link', { name: 'Overview' }).first().click();
    await other.title('Log in to Nightpost'); // its session is over
    await other.close();
  }],
  ['sessions are seen and ended by an admin', async ({ admin, visitor, tokens }) => {
    const made = await admin.call('post', '/v1/tokens', { name: 'to-be-ended', role: 'viewer', apps: null, expires_at: null });
    const other = await visitor();
    await other.logIn(made.secret);
    await admin.go('tokens');
    await admin.page.getByRole('link', { name: 'Sessions' }).click();
    await admin.title('Sessions');
    await admin.page.locator('tr', { hasText: 'This one' }).waitFor();
    const row = admin.page.locator('tr', { hasText: 'to-be-ended' });
    await row.getByRole('button', { name: 'End' }).click();
    await admin.confirm();
    await row.waitFor({ state: 'detached' });
    await other.page.getByRole('link', { name: 'Certificates' }).first().click();
    await other.title('Log in to Nightpost');
    await other.close();
    const viewer = await visitor();
    await viewer.logIn(tokens.viewer);
    await viewer.go('tokens/sessions');
    await viewer.says(/Your role may not do this/);
    await viewer.close();
  }],
  ['a change by a session without the page\'s header is refused', async ({ admin, bed, ids }) => {
    const reply = await admin.context.request.post(`${bed.url}/v1/certificates/${ids.apns}/disable`, { data: {} });
    assert.equal(reply.status(), 403);
    assert.equal((await reply.json()).error.code, 'csrf');
  }],
  ['the audit log has what was done, by whom, and no secret', async ({ admin }) => {
    await admin.go('audit?what=certificate.');
    await admin.says(/Certificate added[^]*shop-|Certificate added/);
    const all = await admin.call('get', '/v1/audit', { limit: 1000 });
    const told = JSON.stringify(all);
    for (const what of ['certificate.add', 'certificate.replace', 'certificate.remove', 'device.unbind', 'user.settings', 'push.send', 'token.add']) assert.ok(told.includes(what), what);
    assert.ok(!told.includes(vendorSecret) && !told.includes('PRIVATE KEY') && !told.includes('npt_'), 'a secret stands in the audit log');
    await admin.go(`audit?who=${encodeURIComponent(payload)}`);
    await admin.says(/Nothing was recorded|Something is not/);
  }],
  ['a session that is over asks to log in, and comes back', async ({ visitor, tokens }) => {
    const sender = await visitor();
    await sender.logIn(tokens.sender);
    await sender.go('users'); // which asks the server nothing, and so would not notice first
    await sender.title('Devices and users');
    await sender.context.clearCookies();
    await sender.page.getByRole('link', { name: 'Certificates' }).first().click();
    await sender.title('Log in to Nightpost');
    await sender.fill({ token: tokens.sender });
    await sender.page.keyboard.press('Enter');
    await sender.title('Certificates');
    await sender.close();
  }],
];
