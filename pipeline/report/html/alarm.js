// What raised a scan's alarm: the highest pixel, the maps behind it, and the regions above the threshold.

const MEMORIES = { near_xyz: "the memory of XYZ", near_rgb: "the memory of RGB" }; // they have no map here
const mapName = (key) => LAYERS.find((layer) => layer.key === key)?.name ?? MEMORIES[key] ?? key;

function showAlarm(scan) {
  const { alarm } = scan, limit = categoryOf(scan).threshold.value;
  if (!alarm) return find("alarm").replaceChildren();
  const shares = Object.entries(alarm.shares).sort((a, b) => b[1] - a[1]);
  const behind = shares.length
    ? `Behind it: ${shares.map(([key, part]) => `${mapName(key)} ${Math.round(100 * part)}\u00a0%`).join(", ")}.`
    : "No map stands out there.";
  const shown = alarm.regions.map((region, i) => [
    String(i + 1), `${region.column}, ${region.row}`,
    `${region.length_mm.toFixed(1)} × ${region.width_mm.toFixed(1)}`,
    scoreText(region.mean, limit), scoreText(region.highest, limit),
  ]);
  const heads = ["region", "column, row", "size, mm", "mean", "highest"];
  const some = alarm.n_regions > shown.length ? `the highest ${shown.length} of ${alarm.n_regions}` : counted(alarm.n_regions, "region");
  find("alarm").replaceChildren(
    element("p", {}, `The score is that of the highest pixel, at column ${alarm.column}, row ${alarm.row} of the scan. ${behind}`),
    shown.length
      ? element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Regions above the threshold" },
        table(`Above the threshold: ${some}; places in pixels of the scan`, heads, shown))
      : element("p", {}, "No pixel of the part is above the threshold."));
}
