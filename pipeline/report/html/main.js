// Puts the page together.

const names = report.categories.map((one) => one.name).join(", ");
find("subtitle").textContent = `${counted(report.scans.length, "test scan")} of ${names}; mentor3ad ${report.versions.mentor3ad}`;
showOrigin();
showMetrics();
showRivals();
showDefects();
showThreshold();
setUpCurves();
if (report.scans.some((scan) => scan.view !== null)) {
  setUpGallery();
  setUpEnlarge();
  setUpViewer();
} else {
  find("scans").replaceChildren(element("h2", { id: "scans-title" }, "Test scans"),
    element("p", {}, "Not part of this report: evaluate.views was false in params.yaml."));
}
showMade();
setUpTheme();
if (gallery.scans.length) setUpAddress();
