// Credentials that were removed, and the way back.
import { get, pathOf, post } from '../api.js';
import { h, replace } from '../dom.js';
import { t } from '../i18n.js';
import { go } from '../router.js';
import { may } from '../session.js';
import { button, confirmed, empty, problem, statePill, table, toast, vendorName } from '../ui.js';

export default async function view() {
  const { items } = await get('/v1/certificates/removed');
  const where = h('div', { class: 'mistakes', 'aria-live': 'polite' });
  const restore = ({ id, name }) => async () => {
    if (!await confirmed(t('restore.title', { name }), t('restore.text'), t('restore'))) return;
    try {
      await post(pathOf('v1', 'certificates', id, 'restore'));
      toast(t('restored.done', { name }));
      go(['certificates', id]);
    } catch (error) {
      replace(where, problem(error));
    }
  };
  const columns = [
    { label: t('id'), cell: (each) => each.id, class: 'number' },
    { label: t('field.name'), cell: (each) => h('strong', {}, each.name) },
    { label: t('vendor'), cell: (each) => vendorName(each.vendor) },
    { label: t('app'), cell: (each) => each.app_id },
    { label: t('field.bundle_id'), cell: (each) => h('code', {}, each.bundle_id) },
    { label: t('version'), cell: (each) => each.version, class: 'number' },
    { label: t('status'), cell: (each) => statePill(each.status) },
    { label: t('actions'), hidden: true, cell: (each) => may('admin') && button(t('restore'), restore(each), { kind: 'small' }) },
  ];
  return { title: t('removed.list'), body: [where, items.length === 0 ? empty(t('removed.none')) : table(t('removed.list'), columns, items)] };
}
