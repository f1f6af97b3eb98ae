// A new credential, or another version of one: its fields come from the server's table of vendors.
import { get, patch, pathOf, post, withQuery } from '../api.js';
import { appField } from '../app_field.js';
import { h, replace } from '../dom.js';
import { serverText, t, tOr } from '../i18n.js';
import { dropFile } from '../drop_file.js';
import { area, check, choice, field, form, secret, text } from '../fields.js';
import { go, link } from '../router.js';
import { rememberApp } from '../session.js';
import { button, facts, linkButton, note, section, toast, vendorName } from '../ui.js';
import { expiryPill, verificationNote } from '../certificate_parts.js';

const rare = ['host', 'ca', 'receipt_key'];

/// Apple names its keys AuthKey_KEYID.p8.
function takeKeyId(rows, fileName) {
  const [, keyId] = /^AuthKey_([A-Z0-9]{10})\.p8$/.exec(fileName) ?? [];
  const row = rows.find((each) => each.name === 'key_id');
  if (keyId && row && row.element.input.value === '') row.element.input.value = keyId;
}

function control(description, before, rows) {
  const required = description.required && !before;
  if (description.kind === 'file') return dropFile({ onfile: (name) => takeKeyId(rows, name) });
  if (description.kind === 'secret') return secret({ required, placeholder: before ? t('unchanged') : '' });
  if (description.choices) {
    const choices = description.choices.map((each) => [each, tOr(`choice.${description.name}.${each}`, each)]);
    return choice(description.required ? choices : [['', t('default')], ...choices], { value: before?.[description.name] ?? '' });
  }
  if (description.name === 'ca') return area({ class: 'code', placeholder: '-----BEGIN CERTIFICATE-----' });
  return text({ required: description.required, value: before?.[description.name] ?? '' });
}

/// {name, path, description, element} for each member that the vendor knows.
function rowsFor(vendor, before) {
  const rows = [];
  const add = (description, path, values) => rows.push({
    name: description.name, path, description,
    element: field(path, tOr(`field.${description.name}`, description.name), control(description, values, rows),
      { hint: serverText(`field.${vendor.vendor}.${description.name}`, serverText(`field.${description.name}`, description.meaning)), code: description.name }),
  });
  const values = before && { ...before, ...before.facts };
  for (const each of vendor.fields) add(each, each.name, values);
  for (const each of vendor.settings) add(each, `settings.${each.name}`, before?.settings ?? (before && {}));
  return rows;
}

function valueOf({ element, description }) {
  if (description.kind === 'file') return element.querySelector('.drop').content();
  return description.kind === 'secret' ? element.input.value : element.input.value.trim();
}

/// The body of POST: all that has a value.
function whole(rows) {
  const body = { settings: {} };
  for (const row of rows) {
    const value = valueOf(row);
    if (value === '') continue;
    if (row.path === row.name) body[row.name] = value;
    else body.settings[row.name] = value;
  }
  return body;
}

/// The body of PATCH: what differs from `before`; a setting without a value is null.
function changes(rows, before) {
  const body = {};
  for (const row of rows) {
    const value = valueOf(row);
    if (row.path !== row.name) {
      if (value === (before.settings[row.name] ?? '')) continue;
      body.settings = { ...body.settings, [row.name]: value === '' ? null : value };
    } else if (value !== '' && value !== (before[row.name] ?? before.facts[row.name] ?? '')) {
      body[row.name] = value;
    } else if (value === '' && row.name === 'host' && before.host !== '') {
      body.host = '';
    }
  }
  return body;
}

function verdict(certificate) {
  return h('div', { class: 'verdict' }, note('good', t('check.good')), certificate.verification && verificationNote(certificate.verification), certificate.warnings.map((each) => note('warn', each)),
    facts([...Object.entries(certificate.facts).map(([name, value]) => [tOr(`fact.${name}`, name), h('code', {}, value)]), [t('expiry'), expiryPill(certificate)]]));
}

function folded(title, rows) {
  return rows.length > 0 && h('details', { class: 'more' }, h('summary', {}, title), h('div', { class: 'fields' }, rows.map((each) => each.element)));
}

function layout(rows, before) {
  const settings = rows.filter((each) => each.path !== each.name);
  const needed = rows.filter((each) => each.path === each.name && !rare.includes(each.name));
  const wide = [...needed, ...settings.filter((each) => each.description.required)];
  for (const each of wide) if (each.description.kind === 'file') each.element.classList.add('whole');
  return [h('div', { class: 'fields' }, before, wide.map((each) => each.element)),
    folded(t('settings.more'), settings.filter((each) => !each.description.required)),
    folded(t('settings.rare'), rows.filter((each) => rare.includes(each.name)))];
}

/// The path with what the box says: whether the vendor is asked first.
const asked = (path, box) => withQuery(path, { verify: box.input.checked ? 'true' : '' });
const verifyBox = () => check('verify', t('verify.first'), true);

function addForm(vendor) {
  const app = appField(undefined, { name: 'app_id', hint: t('app.hint') });
  const rows = rowsFor(vendor);
  const checked = h('div', { 'aria-live': 'polite' });
  const verify = verifyBox();
  return [form([layout(rows, app), verify, checked], [
    button(t('certificate.save'), undefined, { kind: 'primary', type: 'submit', name: 'save' }),
    button(t('check'), undefined, { type: 'submit', name: 'check' }), linkButton(t('cancel'), link(['certificates'])),
  ], async (submitter) => {
    replace(checked);
    const body = { app_id: Number(app.input.value), vendor: vendor.vendor, ...whole(rows) };
    if (submitter?.name === 'check') {
      replace(checked, verdict(await post(asked('/v1/certificates/check', verify), body)));
      return;
    }
    const added = await post(asked('/v1/certificates', verify), body);
    rememberApp(String(added.app_id));
    toast(t('certificate.added', { id: added.id }));
    go(['certificates', added.id]);
  })];
}

function editForm(vendor, before) {
  const rows = rowsFor(vendor, before);
  const newKey = vendor.receipts && check('new_receipt_key', t('receipt.new'));
  const verify = verifyBox();
  return form([layout(rows), newKey, verify], [
    button(t('certificate.save'), undefined, { kind: 'primary', type: 'submit' }), linkButton(t('cancel'), link(['certificates', before.id])),
  ], async () => {
    const body = changes(rows, before);
    if (newKey && newKey.input.checked) body.new_receipt_key = true;
    if (Object.keys(body).length === 0) {
      toast(t('nothing.changed'));
    } else {
      const { version } = await patch(asked(pathOf('v1', 'certificates', before.id), verify), { ...body, of_version: before.version });
      toast(t('certificate.changed', { version }));
    }
    go(['certificates', before.id]);
  });
}

export default async function view({ id, vendor: chosen }) {
  const { items: vendors } = await get('/v1/vendors');
  if (id !== undefined) {
    const before = await get(pathOf('v1', 'certificates', id));
    const vendor = vendors.find((each) => each.vendor === before.vendor);
    return {
      title: t('certificate.edit.title', { name: before.name }),
      body: [section('', h('p', { class: 'quiet' }, t('certificate.edit.text')), editForm(vendor, before))],
    };
  }
  const vendor = vendors.find((each) => each.vendor === chosen);
  const picker = h('ul', { class: 'picker', 'aria-label': t('vendor') }, vendors.map((each) => h('li', {},
    h('a', { href: link(['certificates', 'add'], { vendor: each.vendor }), 'aria-current': each === vendor && 'true' }, vendorName(each.vendor)))));
  return {
    title: t('certificate.add'),
    body: [picker, vendor ? section(vendorName(vendor.vendor), addForm(vendor)) : h('p', { class: 'quiet' }, t('certificate.pick'))],
  };
}
