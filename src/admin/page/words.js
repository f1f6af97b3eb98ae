// Rules, hops and advice in the page's language. The server's English stands in where the page knows no other words.
import { serverText, tOr } from './i18n.js';

export const ruleText = (rule) => (rule ? tOr(`rule.${rule}`, rule) : '');

/// What can be done about how a push ended. The server's words may have times and ids of their own; a translation of the
/// rule's advice has not, so the English stays where there is none.
export const todoText = (rule, todo) => serverText(`todo.${rule}`, todo);
