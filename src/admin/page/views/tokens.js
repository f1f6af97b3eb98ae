// API tokens: who may do what, and until when.
import { get, pathOf, post, remove } from '../api.js';
import { h, replace } from '../dom.js';
import { t } from '../i18n.js';
import { check, choice, field, form, text } from '../fields.js';
import { go, link } from '../router.js';
import { isReader } from '../session.js';
import { button, confirmed, copyable, empty, linkButton, moment, note, openDialog, pill, problem, section, statePill, table, toast } from '../ui.js';

const again = () => go(['tokens']);

function addForm(close) {
  const name = field('name', t('field.name'), text({ required: true, autofocus: true }));
  const role = field('role', t('role'), choice(['viewer', 'sender', 'operator', 'admin'].map((each) => [each, `${t(`role.${each}`)}: ${t(`role.${each}.may`)}`])));
  const apps = field('apps', t('apps'), text({ inputmode: 'numeric' }), { hint: t('apps.hint') });
  const reader = isReader() && check('reader', t('token.reader'));
  const end = field('expires_at', t('expiry'), h('input', { type: 'datetime-local' }), { hint: t('token.end.hint') });
  const adding = form([name, role, reader, apps, end].filter(Boolean), [button(t('token.add'), undefined, { kind: 'primary', type: 'submit' }), button(t('cancel'), () => close())], async () => {
    const named = apps.input.value.split(/[\s,]+/).filter(Boolean).map(Number);
    const { secret } = await post('/v1/tokens', {
      name: name.input.value, role: role.input.value, apps: named.length > 0 ? named : null, reader: Boolean(reader && reader.input.checked),
      expires_at: end.input.value ? new Date(end.input.value).getTime() : null,
    });
    const done = button(t('token.kept'), () => close(true), { kind: 'primary' });
    replace(adding, note('warn', t('token.once')), copyable(secret), h('div', { class: 'buttons end' }, done));
    done.focus();
  });
  return adding;
}

export default async function view() {
  const { items } = await get('/v1/tokens');
  const where = h('div', { class: 'mistakes' });
  async function revoke({ id, name }) {
    if (!await confirmed(t('revoke.title', { name }), t('revoke.text'), t('revoke'), { danger: true })) return;
    try {
      await remove(pathOf('v1', 'tokens', id));
      toast(t('revoked.done', { name }));
      again();
    } catch (error) {
      replace(where, problem(error));
    }
  }
  const columns = [
    { label: t('field.name'), cell: (each) => h('strong', {}, each.name) }, { label: t('role'), cell: (each) => [t(`role.${each.role}`), each.reader && [' ', pill('warn', t('role.reader'))]] },
    { label: t('apps'), cell: (each) => (each.apps === null ? t('apps.all') : each.apps.join(', ')) }, { label: t('state'), cell: (each) => statePill(each.state) },
    { label: t('expiry'), cell: (each) => (each.expires_at === null ? t('never') : moment(each.expires_at)) },
    { label: t('token.used'), cell: (each) => (each.last_used_at === null ? t('never') : moment(each.last_used_at)) },
    { label: t('token.made'), cell: (each) => [moment(each.created_at), ' ', each.created_by] },
    { label: t('actions'), hidden: true, cell: (each) => each.state === 'active' && button(t('revoke'), () => revoke(each), { kind: 'small danger' }) },
  ];
  const add = button(t('token.add'), async () => {
    if (await openDialog(t('token.add'), addForm)) again();
  }, { kind: 'primary', symbol: 'plus' });
  return { title: t('nav.tokens'), actions: [linkButton(t('sessions'), link(['tokens', 'sessions']), { symbol: 'people' }), add], body: [where, section('', items.length === 0 ? empty(t('tokens.none')) : table(t('nav.tokens'), columns, items))] };
}
