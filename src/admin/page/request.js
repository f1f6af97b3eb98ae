// An HTTP request as it stands on the wire, secrets redacted.
import { h } from './dom.js';

export function requestText({ method, url, headers, body }) {
  const lines = [`${method} ${url}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  const shown = typeof body === 'string' ? body : JSON.stringify(body, null, 2);
  return `${lines.join('\n')}\n\n${shown}`;
}

export const requestBlock = (request, label) => h('pre', { class: 'code', tabindex: 0, role: 'region', 'aria-label': label }, requestText(request));
