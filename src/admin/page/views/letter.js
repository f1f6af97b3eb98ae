// One dead letter, whole: the message in it makes looking an audited act.
import { get, pathOf } from '../api.js';
import { h } from '../dom.js';
import { serverText, t, tOr } from '../i18n.js';
import { link } from '../router.js';
import { facts, linkButton, moment, note, section, statePill, vendorName } from '../ui.js';

export default async function view({ id }) {
  const letter = await get(pathOf('v1', 'letters', id));
  const { source } = letter;
  return {
    title: t('letter.title', { id }),
    actions: [linkButton(t('trace.show'), link(['trace', letter.event_id])), linkButton(t('letter.only'), link(['letters'], { event: letter.event_id }), { kind: 'primary' })],
    body: [
      note('warn', t('letter.audited')),
      section('', h('p', {}, tOr(`rule.${letter.reason}`, letter.why)), h('p', { class: 'todo' }, h('strong', {}, t('todo')), ' ', serverText(`letter.${letter.reason}`, letter.todo)), facts([
        [t('state'), statePill(letter.state)], [t('time'), moment(letter.written_at)], [t('app'), letter.app_id], [t('event.id'), h('code', {}, letter.event_id)],
        [t('vendor'), letter.vendor && vendorName(letter.vendor)], [t('rule'), h('code', {}, letter.reason)], [t('vendor.code'), letter.code && h('code', {}, letter.code)],
        [t('letter.stage'), tOr(`stage.${letter.stage}`, letter.stage)], [t('letter.detail'), letter.detail], [t('letter.attempts'), letter.attempts],
        [t('letter.source'), source && `${source.topic} ${source.partition}:${source.offset}`],
        [t('left'), letter.left?.map((each) => h('div', {}, h('a', { href: link(['users', letter.app_id, each.user_id]) }, each.user_id), each.devices.length > 0 && ` · ${each.devices.join(', ')}`))],
      ])),
      letter.truncated && note('warn', t('letter.truncated')),
      section(t('letter.event'), h('pre', { class: 'code', tabindex: 0, role: 'region', 'aria-label': t('letter.event') }, typeof letter.event === 'string' ? letter.event : JSON.stringify(letter.event, null, 2))),
    ],
  };
}
