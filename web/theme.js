// Before the first paint, so that a page never shows itself in the other colours first.
try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's choice counts.
}
