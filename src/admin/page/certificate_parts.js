// What several views show of a certificate.
import { h } from './dom.js';
import { relative, t } from './i18n.js';
import { note, pill } from './ui.js';

const soonMs = 30 * 86400e3;

/// How long it still is good; nothing where it has no end.
export function expiryPill({ expires_at: end }) {
  if (end === null || end === undefined) return null;
  const left = end - Date.now();
  if (left < 0) return pill('bad', t('expired.ago', { when: relative(end) }));
  return pill(left < soonMs ? 'warn' : 'quiet', t('expires.in', { when: relative(end) }));
}

const verdictKinds = { accepted: 'good', refused: 'bad', unknown: 'warn' };

/// What the vendor said of a credential when it was asked.
export function verificationNote({ verdict, code, reason, trouble }) {
  const words = [code, reason].filter(Boolean).join(': ');
  return note(verdictKinds[verdict] ?? 'warn', h('strong', {}, t(`verdict.${verdict}`)), words && h('p', {}, words), trouble && h('p', {}, trouble));
}
