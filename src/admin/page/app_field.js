// The field for an app's id, with the apps that are known as suggestions.
import { h, newId } from './dom.js';
import { field, integer } from './fields.js';
import { t } from './i18n.js';
import { knownApps, lastApp } from './session.js';

export function appField(app, { name = 'app', required = true, hint } = {}) {
  const list = newId('apps');
  const row = field(name, t('app'), integer({ required, min: 1, list, value: app ?? (required ? lastApp() : '') }), { hint });
  row.append(h('datalist', { id: list }, knownApps().map((each) => h('option', { value: String(each) }))));
  return row;
}
