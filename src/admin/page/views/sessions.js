// Who is logged in, and how to end that.
import { get, pathOf, remove } from '../api.js';
import { h, replace } from '../dom.js';
import { t } from '../i18n.js';
import { go, link } from '../router.js';
import { button, confirmed, empty, linkButton, moment, note, pill, problem, section, table, toast } from '../ui.js';

export default async function view() {
  const { items, more } = await get('/v1/sessions');
  const where = h('div', { class: 'mistakes' });
  async function end({ id, name }) {
    if (!await confirmed(t('session.end.title', { name }), t('session.end.text'), t('session.end'), { danger: true })) return;
    try {
      await remove(pathOf('v1', 'sessions', id));
      toast(t('session.ended', { name }));
      go(['tokens', 'sessions']);
    } catch (error) {
      replace(where, problem(error));
    }
  }
  const columns = [
    { label: t('field.name'), cell: (each) => [h('strong', {}, each.name), ' ', each.own && pill('good', t('session.own'))] },
    { label: t('session.by'), cell: (each) => t(`session.by.${each.by}`) }, { label: t('role'), cell: (each) => [t(`role.${each.role}`), each.reader && [' ', pill('warn', t('role.reader'))]] },
    { label: t('apps'), cell: (each) => (each.apps === null ? t('apps.all') : each.apps.join(', ')) },
    { label: t('session.begun'), cell: (each) => moment(each.created_at) }, { label: t('token.used'), cell: (each) => moment(each.last_used_at) },
    { label: t('session.ends'), cell: (each) => moment(each.ends_at) },
    { label: t('actions'), hidden: true, cell: (each) => !each.own && button(t('session.end'), () => end(each), { kind: 'small danger' }) },
  ];
  return {
    title: t('sessions'), actions: [linkButton(t('nav.tokens'), link(['tokens']), { symbol: 'shield' })],
    body: [where, more && note('warn', t('sessions.more')), section('', items.length === 0 ? empty(t('sessions.none')) : table(t('sessions'), columns, items))],
  };
}
