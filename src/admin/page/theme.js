// Light or dark: as the system says, or as chosen here.

const themes = ['system', 'light', 'dark'];

export const theme = () => (themes.includes(localStorage.getItem('theme')) ? localStorage.getItem('theme') : 'system');

export function useTheme(wanted) {
  localStorage.setItem('theme', wanted);
  document.documentElement.dataset.theme = wanted;
}

export const nextTheme = () => themes[(themes.indexOf(theme()) + 1) % themes.length];
