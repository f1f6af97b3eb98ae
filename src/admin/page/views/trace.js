// Why did it not arrive: by event, or by user and time.
import { get } from '../api.js';
import { appField } from '../app_field.js';
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { choice, field, form, text } from '../fields.js';
import { go } from '../router.js';
import { rememberApp } from '../session.js';
import { button, empty, section } from '../ui.js';
import { latestTable } from '../latest_table.js';

const spans = { '1h': 3600e3, '24h': 24 * 3600e3, '7d': 7 * 86400e3 };

async function latest({ app, user, span }) {
  const { items } = await get('/v1/trace/users', { app, user, since: Date.now() - (spans[span] ?? spans['24h']), limit: 200 });
  return section(t('trace.of', { user }), items.length === 0 ? empty(t('trace.none')) : latestTable(items));
}

export default async function view({ app, user = '', span = '24h' }) {
  const event = field('event', t('event.id'), text({ required: true, autofocus: user === '' }), { hint: t('event.id.hint') });
  const byEvent = form([event], [button(t('trace.show'), undefined, { kind: 'primary', type: 'submit', symbol: 'trace' })], async () => go(['trace', event.input.value.trim()]));
  const of = appField(app);
  const who = field('user', t('user'), text({ required: true, value: user }));
  const since = field('since', t('trace.since'), choice(Object.keys(spans).map((each) => [each, t(`span.${each}`)]), { value: span in spans ? span : '24h' }));
  const byUser = form([h('div', { class: 'thirds' }, of, who, since)], [button(t('find'), undefined, { type: 'submit', symbol: 'search' })], async () => {
    rememberApp(of.input.value);
    go(['trace'], { app: of.input.value, user: who.input.value, span: since.input.value });
  });
  return {
    title: t('nav.trace'),
    body: [h('div', { class: 'halves' }, section(t('trace.by_event'), byEvent), section(t('trace.by_user'), byUser)), user && app && await latest({ app, user, span })],
  };
}
