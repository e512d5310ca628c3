// Light or dark: the system's choice until the switch is used.

const root = document.documentElement;
const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (darkSystem.matches ? "dark" : "light")) === "dark";

/** Browsers may refuse storage to a file. */
function remembered(value) {
  try {
    if (value) localStorage.setItem("mentor3ad-theme", value);
    return localStorage.getItem("mentor3ad-theme");
  } catch {
    return null;
  }
}

function showTheme() {
  find("theme").textContent = isDark() ? "Light" : "Dark";
  find("theme").setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
  redraw();
}

function setUpTheme() {
  const chosen = remembered();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  find("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered(root.dataset.theme);
    showTheme();
  });
  darkSystem.addEventListener("change", showTheme);
  showTheme();
}
