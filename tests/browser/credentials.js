// Credentials as ops have them: what each vendor takes, and what is to be refused and why. Keys are new each time.
import { readFileSync } from 'node:fs';

const bundle = 'com.example.shop';
// In no log, answer or page: secrets_test.js looks for them.
export const secret = 'b27e91c4d05f4a6e8c3b7f1029d6e5a4';
export const p12Password = 'p12-Passwort-7hQ';

/// Apple's marks in a push certificate: .1 development, .2 production.
const marks = { development: '1.2.840.113635.100.6.3.1 = ASN1:NULL\n', production: '1.2.840.113635.100.6.3.2 = ASN1:NULL\n', none: 'basicConstraints = critical,CA:false\n' };

function pushCertificate(bed, name, { mark = 'production', days = 300 } = {}) {
  bed.write(`${name}.ext`, marks[mark]);
  bed.openssl('x509', '-req', '-in', 'push.csr', '-signkey', 'push.key', '-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`);
}

function p12(bed, name, certificate, ...more) {
  bed.openssl('pkcs12', '-export', '-in', `${certificate}.pem`, '-out', name, ...more);
  return bed.path(name);
}

export function makeCredentials(bed) {
  bed.openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'AuthKey_ABC123DEFG.p8');
  bed.openssl('req', '-new', '-newkey', 'rsa:2048', '-noenc', '-subj', `/UID=${bundle}/CN=Apple Push Services: ${bundle}`, '-keyout', 'push.key', '-out', 'push.csr');
  for (const [name, choices] of Object.entries({ good: {}, soon: { days: 12 }, expired: { days: -1 }, development: { mark: 'development' }, unmarked: { mark: 'none' } })) pushCertificate(bed, name, choices);
  const withKey = ['-inkey', 'push.key', '-passout', `pass:${p12Password}`];
  const files = {
    p8: bed.path('AuthKey_ABC123DEFG.p8'),
    rsa: bed.write('rsa.p8', readFileSync(bed.path('push.key'))),
    junk: bed.write('junk.p12', 'this is not a file of keys'),
    large: bed.write('large.p12', Buffer.alloc((1 << 20) + 1)),
    good: p12(bed, 'good.p12', 'good', ...withKey),
    soon: p12(bed, 'soon.p12', 'soon', ...withKey),
    expired: p12(bed, 'expired.p12', 'expired', ...withKey),
    development: p12(bed, 'development.p12', 'development', ...withKey),
    unmarked: p12(bed, 'unmarked.p12', 'unmarked', ...withKey),
    noKey: p12(bed, 'nokey.p12', 'good', '-nokeys', '-passout', `pass:${p12Password}`),
    noPassword: p12(bed, 'nopassword.p12', 'good', '-inkey', 'push.key', '-passout', 'pass:'),
  };
  const account = {
    type: 'service_account', project_id: 'demo-project', private_key_id: '0123456789abcdef0123456789abcdef01234567',
    private_key: readFileSync(bed.path('push.key'), 'utf8'), client_email: 'sender@demo-project.iam.gserviceaccount.com', token_uri: 'https://oauth2.googleapis.com/token',
  };
  files.account = bed.write('account.json', JSON.stringify(account));
  files.foreign = bed.write('foreign.json', JSON.stringify({ ...account, token_uri: 'https://oauth2.evil.example/token' }));
  files.services = bed.write('google-services.json', '{"project_info": {"project_number": "1"}}');

  const shop = { bundle_id: bundle };
  const p8 = { ...shop, file: files.p8, key_id: 'ABC123DEFG', team_id: 'DEF123GHIJ' };
  const good = {
    apns: p8,
    fcm: { ...shop, file: files.account, 'settings.channel_id': 'chat' },
    huawei: { ...shop, secret, 'settings.app_id': '104412345', 'settings.category': 'IM' },
    honor: { ...shop, secret, 'settings.app_id': '104412346', 'settings.client_id': '220099887766' },
    xiaomi: { ...shop, secret, 'settings.app_id': '2882303761517000001', 'settings.app_name': '<img src=x onerror=alert(1)>' },
    oppo: { ...shop, secret, 'settings.app_key': '4f1d8ba0a7ac4fbbb9ef1d9d9e7cd0ab', 'settings.channel_id': 'chat', 'settings.category': 'IM' },
    vivo: { ...shop, secret, 'settings.app_id': '10004', 'settings.app_key': '25509283-3767-4b9e-83fe-b6e55ac6243e', 'settings.category': 'IM' },
    meizu: { ...shop, secret, 'settings.app_id': '110123' },
  };
  /// [vendor, what is wrong, fields, words that must be shown].
  const bad = [
    ['apns', 'no file', { ...p8, file: undefined }, /file|\.p8/],
    ['apns', 'a .p8 without key id', { ...p8, key_id: 'short' }, /key id: 10 capital letters/],
    ['apns', 'a .p8 without team id', { ...p8, team_id: '' }, /team id: 10 capital letters/],
    ['apns', 'an RSA key as .p8', { ...p8, file: files.rsa }, /\.p8 file: /],
    ['apns', 'no bundle id', { ...p8, bundle_id: '' }, /bundle id/],
    ['apns', 'a name with blanks', { ...p8, name: 'my key (2)' }, /plain English letters/],
    ['apns', 'no .p12', { file: files.junk, password: p12Password }, /not a \.p12/],
    ['apns', 'too large a file', { file: files.large, password: p12Password }, /larger than|no credential/],
    ['apns', 'a wrong password', { file: files.good, password: 'other' }, /password does not open/],
    ['apns', 'a .p12 without password', { file: files.noPassword }, /has no password/],
    ['apns', 'a .p12 without key', { file: files.noKey, password: p12Password }, /no key|private key/],
    ['apns', 'an expired .p12', { file: files.expired, password: p12Password }, /expired at/],
    ['apns', 'no push certificate', { file: files.unmarked, password: p12Password }, /not a push certificate/],
    ['apns', 'the other environment', { file: files.development, password: p12Password, environment: 'production' }, /is for development/],
    ['apns', 'the other topic', { file: files.good, password: p12Password, bundle_id: 'com.example.other' }, /may not push to/],
    ['fcm', 'google-services.json', { file: files.services }, /google-services\.json, which goes into the app/],
    ['fcm', 'another token endpoint', { file: files.foreign }, /not Google's/],
    ['huawei', 'letters in the app id', { ...good.huawei, 'settings.app_id': 'abc' }, /digits/],
    ['xiaomi', 'an AppKey as secret', { ...good.xiaomi, secret: '5821700000001' }, /digits only/],
    ['xiaomi', 'no package', { ...good.xiaomi, bundle_id: '' }, /package name|Needed/],
    ['oppo', 'no channel', { ...good.oppo, 'settings.channel_id': '' }, /Needed|channel_id: missing/],
    ['vivo', 'an unknown category', { ...good.vivo, 'settings.category': 'nonsense!' }, /category/],
    ['meizu', 'an ftp address', { ...good.meizu, 'settings.click': 'web', 'settings.click_target': 'ftp://example.com/' }, /http/],
  ];
  return { files, good, bad };
}

/// A token of the vendor's form.
export const tokens = {
  apns: '9d3c0f5b0a7e4d2f8b61c7a4e5d2930f1b8c6a7d4e3f2a1b0c9d8e7f6a5b4c3d',
  fcm: 'cX1dEfGhIjKlMnOpQrStUv:APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ-hQMRKRrZuJAEcl7B338qju59zJMjw2DELjzEvxwYv7hH5Ynpc1ODQ0aT4U4OFEeco8ohsN5PjL1iC2dNtk2BAokeMCg2ZXKqpc8FXKmhX94kIxQ',
  huawei: 'IQAAAACy0tH2AADx5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c', honor: 'BAEAAAAABjkgDoc8Qk5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c',
  xiaomi: 'd5igwEhgBGCI2TG6lWqlCU5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c', oppo: 'OPPO_CN_5f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c',
  vivo: '15131234567890123456789', meizu: 'RA50c63485f0c4f9d7a8b4c3e9d2a1b0c9f8e7d6c',
};
