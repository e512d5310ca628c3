// Numbers and names as people read them.

const share = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
const percent = (value) => `${Number((100 * value).toPrecision(2))} %`;
/** A score with as many decimals as give its category's threshold four digits. */
function scoreText(value, limit) {
  const decimals = limit > 0 ? 3 - Math.floor(Math.log10(limit)) : 4;
  return value.toFixed(Math.max(0, Math.min(decimals, 12)));
}
const short = (value) => Number(value.toPrecision(3)).toString();
const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const countOf = (part, whole) => `${part} of ${whole}`;

/** metrics.json's key as a column head: aupro_30 is AUPRO@30. */
function metricName(key) {
  const known = report.columns[key];
  if (known) return known;
  if (key.startsWith("aupro_")) return key.replace("aupro_", "AUPRO@").replace("_99", " (99 steps)");
  return key
    .replace("i_", "I-").replace("p_", "P-")
    .replace("auroc", "AUROC").replace("ap", "AP").replace("f1_max", "F1 max");
}
