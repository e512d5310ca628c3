"use strict";
// Draws a part's points with a depth buffer; dragging turns it. No library, no WebGL.

const cloud = { points: new Float32Array(0), turn: 0.5, tilt: -0.5 };

function cloudColour(ratio) { // grey when far below the threshold, yellow at it, red at twice it
  const a = Math.min(Math.max(ratio, 0), 2);
  if (a <= 1) return [110 + 135 * a, 115 + 90 * a, 125 - 85 * a];
  return [245 - 25 * (a - 1), 205 - 175 * (a - 1), 40 - 5 * (a - 1)];
}

function drawCloud() {
  const canvas = document.getElementById("cloud"), context = canvas.getContext("2d");
  const { width, height } = canvas, all = cloud.points, n = all.length / 4;
  const picture = context.createImageData(width, height), depth = new Float32Array(width * height).fill(Infinity);
  const middle = [0, 0, 0], reach = { value: 1e-6 };
  for (let i = 0; i < n; i++) for (let k = 0; k < 3; k++) middle[k] += all[4 * i + k] / n;
  for (let i = 0; i < n; i++) {
    const d = Math.hypot(all[4 * i] - middle[0], all[4 * i + 1] - middle[1], all[4 * i + 2] - middle[2]);
    if (d > reach.value) reach.value = d;
  }
  const zoom = 0.47 * width / reach.value, size = Math.max(2, Math.round(1.1 * width / Math.sqrt(n + 1) / 1.3));
  const ct = Math.cos(cloud.turn), st = Math.sin(cloud.turn), cp = Math.cos(cloud.tilt), sp = Math.sin(cloud.tilt);
  for (let i = 0; i < n; i++) {
    const x0 = all[4 * i] - middle[0], y0 = all[4 * i + 1] - middle[1], z0 = all[4 * i + 2] - middle[2];
    const x = ct * x0 + st * z0, z1 = -st * x0 + ct * z0, y = cp * y0 - sp * z1, z = sp * y0 + cp * z1;
    const left = Math.round(width / 2 + zoom * x - size / 2), top = Math.round(height / 2 + zoom * y - size / 2);
    const colour = cloudColour(all[4 * i + 3]), shade = 1 - 0.35 * Math.min(Math.max(z / reach.value + 0.5, 0), 1);
    for (let v = Math.max(top, 0); v < Math.min(top + size, height); v++)
      for (let u = Math.max(left, 0); u < Math.min(left + size, width); u++) {
        const at = v * width + u;
        if (z >= depth[at]) continue;
        depth[at] = z;
        for (let k = 0; k < 3; k++) picture.data[4 * at + k] = colour[k] * shade;
        picture.data[4 * at + 3] = 255;
      }
  }
  context.putImageData(picture, 0, 0);
}

async function showCloud(seq) {
  const answer = seq === null ? null : await fetch(`/scans/${seq}/cloud.bin`);
  cloud.points = answer && answer.ok ? new Float32Array(await answer.arrayBuffer()) : new Float32Array(0);
  drawCloud();
}

document.addEventListener("DOMContentLoaded", () => {
  const canvas = document.getElementById("cloud");
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    cloud.turn -= event.movementX / 120;
    cloud.tilt += event.movementY / 120;
    requestAnimationFrame(drawCloud);
  });
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
});
