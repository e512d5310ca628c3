// Puts the page together.

const names = report.categories.map((one) => one.name).join(", ");
find("subtitle").textContent = `${counted(report.scans.length, "test scan")} of ${names}; mentor3ad ${report.versions.mentor3ad}`;
showMetrics();
showDefects();
showThreshold();
setUpCurves();
setUpGallery();
setUpViewer();
showMade();
setUpTheme();
