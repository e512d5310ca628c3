// The open scan is in the page's address, so that a link leads to it.

const addressOf = (scan) => `${categoryOf(scan).name}/${scan.id}`;

/** Write the address without a new entry in the history; null: no scan is open. */
function noteAddress(scan) {
  const hash = scan ? `#scan=${encodeURIComponent(addressOf(scan))}` : "#scans";
  if (!scan && !location.hash.startsWith("#scan=")) return;
  history.replaceState(null, "", hash);
}

/** Open the scan that the address names, if there is one; filters that hide it are cleared. */
function openAddress() {
  if (!location.hash.startsWith("#scan=")) return;
  let wanted;
  try {
    wanted = decodeURIComponent(location.hash.slice("#scan=".length));
  } catch {
    return; // not an address of ours
  }
  const named = (scan) => scan.view !== null && addressOf(scan) === wanted;
  if (!report.scans.some(named)) return;
  if (!gallery.scans.some(named)) clearFilters();
  const place = gallery.scans.findIndex(named);
  if (!find("viewer").open || viewer.place !== place) openViewer(place);
}

function setUpAddress() {
  window.addEventListener("hashchange", openAddress);
  openAddress();
}
