// One map over the whole window, opened from its small picture; the arrows go to the other maps.

const LARGE = 1008; // pixels of the canvas
const large = { place: 0, maps: [] };

function setUpEnlarge() {
  find("large-close").addEventListener("click", () => find("large").close());
  find("large-previous").addEventListener("click", () => showLarge(large.place - 1));
  find("large-next").addEventListener("click", () => showLarge(large.place + 1));
  find("large").addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") showLarge(large.place - 1);
    if (event.key === "ArrowRight") showLarge(large.place + 1);
  });
  find("large").addEventListener("close", () => find("panels").querySelectorAll("button")[large.place]?.focus());
}

/** Show the map at a place of the panel; its neighbours stay in reach. */
function showLarge(place) {
  const map = large.maps[place];
  if (!map) return;
  large.place = place;
  const sheet = find("large-map"), { scan } = viewer;
  sheet.width = sheet.height = LARGE;
  map.draw(sheet.getContext("2d"), LARGE);
  sheet.setAttribute("aria-label", map.name);
  find("large-title").textContent = map.name;
  find("large-previous").disabled = place === 0;
  find("large-next").disabled = place === large.maps.length - 1;
  find("large-scale").replaceChildren(...(map.layer ? scaleStrip(map.layer, scan) : []));
  if (!find("large").open) find("large").showModal();
}
