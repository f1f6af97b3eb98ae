// Who changed what, and when.
import { get } from '../api.js';
import { h } from '../dom.js';
import { t, tOr } from '../i18n.js';
import { field, form, integer, text } from '../fields.js';
import { go, link } from '../router.js';
import { button, empty, linkButton, moment, pill, section, table } from '../ui.js';

/// "version 1 → 2": members that differ.
function changes({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const shown = (value) => (value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value));
  const lines = names.filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]));
  return lines.length > 0 && h('ul', { class: 'hop-facts' }, lines.map((name) => h('li', {}, h('span', { class: 'quiet' }, name), ' ', `${shown(before?.[name])} → ${shown(after?.[name])}`)));
}

export default async function view({ app, who, what, before }) {
  const { items, next } = await get('/v1/audit', { app, who, what, before, limit: 100 });
  const rows = [field('app', t('app'), integer({ value: app ?? '' })), field('who', t('audit.who'), text({ value: who ?? '' })),
    field('what', t('audit.what'), text({ value: what ?? '' }), { hint: t('audit.what.hint') })];
  const filter = form([h('div', { class: 'thirds' }, rows)], [button(t('find'), undefined, { type: 'submit', symbol: 'search' })],
    async () => go(['audit'], Object.fromEntries(rows.map(({ input }) => [input.name, input.value]))));
  const columns = [
    { label: t('time'), cell: (each) => moment(each.at) }, { label: t('audit.who'), cell: (each) => [h('strong', {}, each.who), ' ', h('span', { class: 'quiet' }, each.from)] },
    { label: t('audit.what'), cell: (each) => [tOr(`audit.${each.what}`, each.what), ' ', h('code', {}, each.object)] }, { label: t('app'), cell: (each) => each.app_id ?? '' },
    { label: t('audit.changes'), cell: changes }, { label: t('state'), cell: (each) => (each.outcome === 'done' ? pill('good', t('state.done')) : pill('bad', each.outcome)) },
  ];
  return {
    title: t('nav.audit'),
    body: [section('', filter), items.length === 0 ? empty(t('audit.none')) : table(t('nav.audit'), columns, items),
      h('div', { class: 'buttons end' }, before && linkButton(t('audit.newest'), link(['audit'], { app, who, what })), next !== null && linkButton(t('audit.older'), link(['audit'], { app, who, what, before: next })))],
  };
}
