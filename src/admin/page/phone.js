// What a phone would show of a push: a sketch, for words and lengths, not for pixels.
import { h, replace } from './dom.js';
import { t } from './i18n.js';

/// {title, subtitle, desc, badge}: as typed. The vendors show a title of their own where there is none.
export function phone() {
  const element = h('figure', { class: 'phone', 'aria-label': t('preview') });
  element.show = ({ title, subtitle, desc, badge, badgeOnly }) => {
    const icon = h('span', { class: 'app-icon' }, h('img', { src: '/icon.svg', alt: '', width: 34, height: 34 }), badge !== '' && h('span', { class: 'badge' }, badge));
    replace(element, h('div', { class: 'screen' },
      h('div', { class: 'clock', 'aria-hidden': 'true' }, '09:41'),
      badgeOnly
        ? h('div', { class: 'notification' }, icon, h('div', {}, h('p', {}, t('preview.badge'))))
        : h('div', { class: 'notification' }, icon, h('div', {}, h('strong', {}, title || t('preview.title')), subtitle && h('span', {}, subtitle), h('p', {}, desc || t('preview.text'))))),
    h('figcaption', {}, t('preview')));
  };
  element.show({ title: '', subtitle: '', desc: '', badge: '', badgeOnly: false });
  return element;
}
