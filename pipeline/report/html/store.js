// The page's data: the results at once, each scan's pictures when it is first shown.

const report = JSON.parse(find("content").textContent);
const categoryOf = (scan) => report.categories[scan.category];
const lines = new Map(); // of each category's views
const views = new Map(); // decoded, the latest few
const KEPT = 64;

const defective = (scan) => scan.defect !== null && scan.defect !== "good";
const wrong = (scan) => scan.defect !== null && defective(scan) !== scan.rejected;

/** Distance from the threshold, the same for categories of different scales; 0 at the threshold. */
function margin(scan) {
  const limit = categoryOf(scan).threshold.value;
  return limit > 0 && scan.score > 0 ? Math.log(scan.score / limit) : scan.score - limit;
}

/** What can become of a scan; the mark tells states apart without their colours. */
const STATES = {
  missed: { mark: "✕", word: "missed defect" },
  alarm: { mark: "!", word: "false alarm" },
  caught: { mark: "✓", word: "caught defect" },
  passed: { mark: "○", word: "correctly passed" },
  rejected: { mark: "?", word: "called defective, truth unknown" },
  accepted: { mark: "?", word: "called good, truth unknown" },
};

function stateOf(scan) {
  if (scan.defect === null) return scan.rejected ? "rejected" : "accepted";
  if (defective(scan)) return scan.rejected ? "caught" : "missed";
  return scan.rejected ? "alarm" : "passed";
}

function verdict(scan) {
  const { mark, word } = STATES[stateOf(scan)];
  return `${mark} ${word}`;
}

const badgeClass = (scan) => `badge ${stateOf(scan)}`;

function lineOf(scan) {
  if (!lines.has(scan.category)) {
    const element = find(`views-${scan.category}`);
    lines.set(scan.category, element.textContent.trim().split("\n"));
    element.remove();
  }
  return lines.get(scan.category)[scan.view].split(" ");
}

function bytes(text) {
  const letters = atob(text), made = new Uint8Array(letters.length);
  for (let i = 0; i < made.length; i++) made[i] = letters.charCodeAt(i);
  return made;
}

async function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** RGBA bytes of a WebP picture. */
async function pixels(packed) {
  const bitmap = await createImageBitmap(new Blob([packed], { type: "image/webp" }));
  const context = canvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

/** Bits of square masks, most significant first: one Uint8Array of 0 and 1 for all of them. */
function unpackBits(packed, count) {
  const bits = new Uint8Array(count);
  for (let i = 0; i < count; i++) bits[i] = (packed[i >> 3] >> (7 - (i & 7))) & 1;
  return bits;
}

/** A scan's picture, four maps and three masks, and how to get its cloud: pipeline/drawing/encoding.py. */
async function viewOf(scan) {
  const key = `${scan.category} ${scan.view}`;
  if (!views.has(key)) views.set(key, decode(lineOf(scan)));
  const view = views.get(key);
  views.delete(key); // last in the order of the map: the latest
  views.set(key, view);
  if (views.size > KEPT) views.delete(views.keys().next().value);
  return view;
}

async function decode([picture, maps, masks, cloud, masked, grid, x, y, z, step]) {
  const [rgb, tiles, bits] = await Promise.all([
    pixels(bytes(picture)), pixels(bytes(maps)), inflate(bytes(masks)),
  ]);
  const side = tiles.width / 2, area = side * side;
  const all = unpackBits(bits, 3 * area);
  return {
    rgb, side,
    maps: [0, 1, 2, 3].map((n) => tile(tiles, n, side)),
    foreground: all.subarray(0, area),
    truth: Number(masked) ? all.subarray(area, 2 * area) : null,
    predicted: all.subarray(2 * area),
    decodeCloud: async () => decodeCloud(await inflate(bytes(cloud)), Number(grid), [x, y, z].map(Number), Number(step)),
  };
}

/** One of 2 x 2 grey tiles. */
function tile(image, n, side) {
  const values = new Uint8Array(side * side), left = (n & 1) * side, top = (n >> 1) * side;
  for (let i = 0; i < values.length; i++) {
    const row = top + Math.floor(i / side), column = left + (i % side);
    values[i] = image.data[4 * (row * image.width + column)];
  }
  return values;
}
