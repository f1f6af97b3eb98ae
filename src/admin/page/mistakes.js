// What the server says of a mistake, in the page's language: by the codes of its sentences, where the page knows them
// all; else in the server's English.
import { serverText } from './i18n.js';

function said({ code, values = {}, why }) {
  const text = serverText(`mistake.${code}`, null);
  const because = why ? said(why) : '';
  if (text === null || because === null) return null;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name === 'why' ? because : name in values ? String(values[name]) : whole));
}

export function mistakeText(error) {
  const all = (error.reasons ?? []).map(said);
  return all.length === 0 || all.includes(null) ? error.message : all.join('; ');
}
