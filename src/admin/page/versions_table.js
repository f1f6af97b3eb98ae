// What a certificate was, version by version, and the way back to one.
import { pathOf, post } from './api.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { may } from './session.js';
import { button, confirmed, moment, pill, table, toast } from './ui.js';

const words = (changes) => changes.length > 0 && h('ul', {}, changes.map((each) => h('li', {}, each)));

/// `act` runs what a button does and shows what it throws; `again` draws the view anew.
export function versionsTable({ id, name }, items, act, again) {
  const back = ({ version, rollback_changes: changes }) => act(async () => {
    const text = h('div', { class: 'verdict' }, h('p', {}, t('rollback.text')), words(changes) || h('p', {}, t('rollback.nothing')));
    if (!await confirmed(t('rollback.title', { name, version }), text, t('rollback.now'))) return;
    const after = await post(pathOf('v1', 'certificates', id, 'rollback'), { version });
    toast(t('certificate.changed', { version: after.version }));
    again();
  });
  const columns = [
    { label: t('version'), cell: (each) => each.version, class: 'number' },
    { label: t('versions.written'), cell: (each) => each.written_at !== null && moment(each.written_at) },
    { label: t('audit.who'), cell: (each) => each.written_by && h('code', {}, each.written_by) },
    { label: t('audit.changes'), cell: (each) => words(each.changes) },
    { label: t('actions'), hidden: true, cell: (each) => {
      if (each.in_use) return pill('good', t('versions.in_use'));
      return may('operator') && button(t('rollback'), back(each), { kind: 'small' });
    } },
  ];
  return table(t('versions'), columns, items);
}
