// Credentials through the page: each vendor's, by file and by paste; bad ones are explained and store nothing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { app } from './bed.js';
import { p12Password, secret } from './credentials.js';

const vendors = ['apns', 'fcm', 'huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu'];

async function add(visitor, vendor, values) {
  await visitor.go(`certificates/add?vendor=${vendor}`);
  await visitor.fill({ app_id: app, ...values });
  await visitor.page.locator('button[name=save]').click();
}

const stored = async (visitor) => (await visitor.call('get', '/v1/certificates')).items;

export const tests = [
  ...vendors.map((vendor) => [`a credential of ${vendor} is added and shown, its secret is not`, async (world) => {
    const { admin, bed, credentials } = world;
    const name = `shop-${vendor}`;
    await add(admin, vendor, { name, ...credentials.good[vendor], host: bed.vendors[vendor].url, ca: bed.ca });
    await admin.title(name);
    await admin.says(/Certificate ID/);
    const certificate = (await stored(admin)).find((each) => each.name === name);
    assert.equal(certificate.vendor, vendor);
    assert.ok(!(await admin.page.content()).includes(secret), 'the secret is on the page');
    world.ids = { ...world.ids, [vendor]: certificate.id };
  }]),
  ['a .p12 is checked without being stored; its end and its warning are told', async ({ admin, credentials }) => {
    const before = (await stored(admin)).length;
    await admin.go('certificates/add?vendor=apns');
    await admin.fill({ app_id: app, name: 'p12', file: credentials.files.soon, password: p12Password, verify: false }); // Apple is not here
    await admin.page.locator('button[name=check]').click();
    await admin.says(/This would be taken/);
    await admin.says(/expires in 1[12] days/);
    assert.equal((await stored(admin)).length, before);
    await admin.page.locator('button[name=save]').click();
    await admin.title('p12');
    await admin.go('overview');
    await admin.says(/p12[^]*expires in 1[12] days/);
  }],
  ['a key can be pasted and dropped; Apple\'s file name gives the key id', async ({ admin, credentials }) => {
    const { page } = admin;
    const pem = readFileSync(credentials.files.p8, 'utf8');
    await admin.go('certificates/add?vendor=apns');
    await admin.fill({ app_id: app, name: 'pasted', bundle_id: 'com.example.shop', key_id: 'ABC123DEFG', team_id: 'DEF123GHIJ', verify: false });
    await page.getByRole('button', { name: 'Paste as text' }).click();
    await page.locator('.drop textarea').fill(pem);
    await page.locator('button[name=save]').click();
    await admin.title('pasted');

    await admin.go('certificates/add?vendor=apns');
    const transfer = await page.evaluateHandle((text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], 'AuthKey_ABC123DEFG.p8'));
      return data;
    }, pem);
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: transfer });
    await page.locator('.drop').getByText('AuthKey_ABC123DEFG.p8').waitFor();
    assert.equal(await page.locator('[name=key_id]').inputValue(), 'ABC123DEFG');
    await admin.fill({ app_id: app, name: 'dropped', bundle_id: 'com.example.shop', team_id: 'DEF123GHIJ', verify: false });
    await page.locator('button[name=save]').click();
    await admin.title('dropped');
  }],
  ['bad credentials are explained and store nothing', async ({ admin, credentials }) => {
    const before = (await stored(admin)).length;
    const missed = [];
    for (const [vendor, what, values, words] of credentials.bad) {
      await add(admin, vendor, { name: 'bad', ...values });
      const said = admin.page.locator('main .mistake:visible, main [role=alert], main .said');
      const shown = await admin.page.waitForFunction(({ source }) => [...document.querySelectorAll('main .mistake:not([hidden]), main [role=alert], main .said')].some((each) => new RegExp(source).test(each.innerText)), { source: words.source }, { timeout: 20_000 })
        .then(() => true, () => false);
      if (!shown) missed.push(`${vendor}, ${what}: "${(await said.allInnerTexts()).join(' | ')}" has not ${words}`);
    }
    assert.deepEqual(missed, []);
    assert.equal((await stored(admin)).length, before);
  }],
  ['what the vendor refuses is not stored, unless it is not asked', async ({ admin, bed, credentials }) => {
    const values = { name: 'refused', ...credentials.good.apns, host: bed.vendors.apns.url, ca: bed.ca };
    bed.script([{ match: { vendor: 'apns' }, act: { status: 403, reason: 'InvalidProviderToken' } }]);
    await add(admin, 'apns', values);
    await admin.says(/the vendor refuses the credential: InvalidProviderToken/);
    assert.ok(!(await stored(admin)).some((each) => each.name === 'refused'));
    await add(admin, 'apns', { ...values, verify: false });
    await admin.title('refused');
    await admin.page.getByRole('button', { name: 'Ask the vendor' }).click();
    await admin.says(/The vendor refuses the credential[^]*InvalidProviderToken/);
    bed.script([]);
    await admin.page.getByRole('button', { name: 'Ask the vendor' }).click();
    await admin.says(/The vendor takes the credential/);
  }],
  ['a vendor that cannot be reached is told, and nothing is stored', async ({ admin, bed, credentials }) => {
    await add(admin, 'meizu', { name: 'unreached', ...credentials.good.meizu, host: 'https://localhost:1', ca: bed.ca });
    await admin.says(/cannot be reached, or failed/);
    assert.ok(!(await stored(admin)).some((each) => each.name === 'unreached'));
  }],
  ['a mistake stands at its field, which has the focus', async ({ admin, credentials }) => {
    await add(admin, 'apns', { name: 'bad', file: credentials.files.good, password: 'other' });
    const password = admin.page.locator('[name=password][aria-invalid=true]');
    await password.waitFor();
    assert.ok(await password.evaluate((each) => each === document.activeElement));
    const described = (await password.getAttribute('aria-describedby')).split(' ');
    const texts = await Promise.all(described.map((id) => admin.page.locator(`#${id}`).innerText()));
    assert.match(texts.join(' '), /password does not open/);
  }],
  ['a name that is taken is a conflict at the name', async ({ admin, credentials }) => {
    await add(admin, 'meizu', { name: 'shop-meizu', ...credentials.good.meizu, verify: false });
    await admin.page.locator('[name=name][aria-invalid=true]').waitFor();
  }],
  ['an edit keeps the id and changes what was changed; a bad one replaces nothing', async ({ admin, ids }) => {
    const { page } = admin;
    await admin.go(`certificates/${ids.oppo}/edit`);
    await admin.fill({ 'settings.channel_id': 'chat2', 'settings.badge': 'on', 'settings.category': '' });
    await page.locator('main button[type=submit]').click();
    await admin.title('shop-oppo');
    const after = await admin.call('get', `/v1/certificates/${ids.oppo}`);
    assert.deepEqual([after.settings.channel_id, after.settings.badge, after.settings.category], ['chat2', 'on', undefined]);
    assert.equal(after.settings.app_key, '4f1d8ba0a7ac4fbbb9ef1d9d9e7cd0ab');
    assert.equal(after.bundle_id, 'com.example.shop');

    await admin.go(`certificates/${ids.oppo}/edit`);
    await admin.fill({ 'settings.badge': 'maybe' });
    await page.locator('main button[type=submit]').click();
    await page.locator('main .mistake:visible, main [role=alert]').first().waitFor();
    assert.equal((await admin.call('get', `/v1/certificates/${ids.oppo}`)).version, after.version);
  }],
  ['a form that was open while somebody else changed the certificate undoes nothing', async ({ admin, ids }) => {
    const { page } = admin;
    await admin.go(`certificates/${ids.oppo}/edit`);
    await admin.call('patch', `/v1/certificates/${ids.oppo}`, { settings: { channel_id: 'chat3' } });
    await admin.fill({ bundle_id: 'com.example.other' });
    await page.locator('main button[type=submit]').click();
    await page.locator('main .mistake:visible, main [role=alert]').first().waitFor();
    const now = await admin.call('get', `/v1/certificates/${ids.oppo}`);
    assert.deepEqual([now.settings.channel_id, now.bundle_id], ['chat3', 'com.example.shop']);
  }],
  ['disable asks and enable does not; both show at once', async ({ admin, ids }) => {
    const { page } = admin;
    await admin.go(`certificates/${ids.vivo}`);
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.keyboard.press('Escape'); // nothing happens
    assert.equal((await admin.call('get', `/v1/certificates/${ids.vivo}`)).status, 'active');
    await page.getByRole('button', { name: 'Disable' }).click();
    await admin.confirm();
    await page.locator('main .pill', { hasText: 'Disabled' }).waitFor();
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.locator('main .pill', { hasText: 'Active' }).waitFor();
  }],
  ['removing wants the name typed', async ({ admin }) => {
    const { page } = admin;
    const { id } = (await stored(admin)).find((each) => each.name === 'dropped');
    await admin.go(`certificates/${id}`);
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    const yes = page.locator('dialog[open] button:not([type=button])');
    await page.locator('dialog[open] input').fill('drop');
    assert.ok(await yes.isDisabled());
    await admin.confirm('dropped');
    await admin.title('Certificates');
    assert.ok(!(await stored(admin)).some((each) => each.name === 'dropped'));
  }],
  ['the receipt key is shown on request only', async ({ admin, ids }) => {
    await admin.go(`certificates/${ids.xiaomi}`);
    const card = admin.page.locator('section', { hasText: 'Receipts' });
    assert.doesNotMatch(await card.innerText(), /[0-9a-f]{32}/);
    await card.getByRole('button', { name: 'Show the key' }).click();
    await card.getByText(/^[0-9a-f]{32}$/).waitFor();
  }],
];
