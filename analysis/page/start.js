// Puts the page together.

startTheme();
document.documentElement.dataset.theme = isDark() ? "dark" : "light";
if (trialCount > 0) {
  byId("explorer").hidden = false;
  startFilters();
  startTable();
  startDetails();
  startCurves();
  startParallel();
  startByValue();
  showFilters();
}
applyTheme();
document.documentElement.dataset.ready = "true";
