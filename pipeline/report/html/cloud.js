// A point cloud, and drawing it: splats in a depth buffer of its own, no WebGL needed.

/** Positions around the middle of the cloud, 1 at its farthest, with normals and picture places. */
function decodeCloud(data, grid, origin, step) {
  const head = (grid * grid + 7) >> 3, there = unpackBits(data, grid * grid);
  const count = (data.length - head) / 6, positions = new Float32Array(3 * count);
  for (let axis = 0; axis < 3; axis++) {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const zigzag = data[head + axis * count + i] | (data[head + (3 + axis) * count + i] << 8);
      value += (zigzag >> 1) ^ -(zigzag & 1);
      positions[3 * i + axis] = origin[axis] + value * step;
    }
  }
  const places = new Int32Array(count); // pixel of each point on the grid
  for (let pixel = 0, i = 0; pixel < there.length; pixel++) if (there[pixel]) places[i++] = pixel;
  centre(positions);
  return { count, ...filled({ positions, places, grid, ...surface(positions, places, grid) }) };
}

/** Move to the middle of the bounding box and scale the farthest point to 1. */
function centre(positions) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    low[i % 3] = Math.min(low[i % 3], positions[i]);
    high[i % 3] = Math.max(high[i % 3], positions[i]);
  }
  let radius = 0;
  for (let i = 0; i < positions.length; i++) positions[i] -= (low[i % 3] + high[i % 3]) / 2;
  for (let i = 0; i < positions.length; i += 3) {
    radius = Math.max(radius, Math.hypot(positions[i], positions[i + 1], positions[i + 2]));
  }
  for (let i = 0; i < positions.length; i++) positions[i] /= radius || 1;
}

/** Normals from the neighbours on the grid, towards the sensor, and the usual spacing of points. */
function surface(positions, places, grid) {
  const at = new Int32Array(grid * grid).fill(-1), normals = new Float32Array(positions.length);
  places.forEach((pixel, i) => { at[pixel] = i; });
  const difference = (i, ahead, back) => {
    const a = ahead >= 0 ? ahead : i, b = back >= 0 ? back : i;
    return [0, 1, 2].map((axis) => positions[3 * a + axis] - positions[3 * b + axis]);
  };
  const steps = [];
  places.forEach((pixel, i) => {
    const column = pixel % grid, right = column + 1 < grid ? at[pixel + 1] : -1;
    const across = difference(i, right, column ? at[pixel - 1] : -1);
    const down = difference(i, at[pixel + grid] ?? -1, at[pixel - grid] ?? -1);
    let normal = [
      down[1] * across[2] - down[2] * across[1],
      down[2] * across[0] - down[0] * across[2],
      down[0] * across[1] - down[1] * across[0],
    ];
    const length = Math.hypot(...normal);
    normal = length > 0 ? normal.map((value) => value / length) : [0, 0, -1];
    normals.set(normal[2] > 0 ? normal.map((value) => -value) : normal, 3 * i);
    if (right >= 0) steps.push(Math.hypot(...difference(i, right, -1)));
  });
  steps.sort((a, b) => a - b);
  return { normals, spacing: steps[steps.length >> 1] || 0.05 };
}

const FILLED = [[[0, 0], [0, 1]], [[0, 0], [1, 0]], [[0, 0], [0, 1], [1, 0], [1, 1]]]; // of [row, column]
const JUMP = 4; // spacings: neighbours further apart are not one surface

/** The cloud on a grid of twice the side: halfway between near neighbours the surface is filled. */
function filled({ positions, normals, places, grid, spacing }) {
  const at = new Map(Array.from(places, (pixel, i) => [pixel, i]));
  const out = { positions: [...positions], normals: [...normals], places: [] };
  places.forEach((pixel) => out.places.push(4 * grid * Math.floor(pixel / grid) + 2 * (pixel % grid)));
  places.forEach((pixel, i) => {
    for (const corners of FILLED) {
      const last = corners[corners.length - 1];
      if ((pixel % grid) + last[1] >= grid) continue;
      const points = corners.map(([row, column]) => at.get(pixel + row * grid + column));
      if (points.includes(undefined) || points.some((j) => apart(positions, i, j) > JUMP * spacing)) continue;
      for (let axis = 0; axis < 3; axis++) {
        out.positions.push(points.reduce((sum, j) => sum + positions[3 * j + axis], 0) / points.length);
        out.normals.push(points.reduce((sum, j) => sum + normals[3 * j + axis], 0) / points.length);
      }
      out.places.push(out.places[i] + 2 * grid * last[0] + last[1]);
    }
  });
  const typed = { positions: Float32Array.from(out.positions), normals: Float32Array.from(out.normals) };
  return { ...typed, places: out.places, grid: 2 * grid, spacing: spacing / 2 };
}

function apart(positions, i, j) {
  return Math.hypot(...[0, 1, 2].map((axis) => positions[3 * i + axis] - positions[3 * j + axis]));
}

/** One colour a point, three bytes each. */
function cloudColours(view, layer) {
  const { places, grid } = view.cloud, colours = new Uint8Array(3 * places.length);
  places.forEach((place, i) => {
    const u = ((place % grid) + 0.5) / grid, v = (Math.floor(place / grid) + 0.5) / grid;
    const pixel = Math.floor(v * view.side) * view.side + Math.floor(u * view.side);
    const start = 4 * (Math.floor(v * view.rgb.height) * view.rgb.width + Math.floor(u * view.rgb.width));
    colours.set(pointColour(view, layer, pixel, view.rgb.data.subarray(start, start + 3)), 3 * i);
  });
  return colours;
}

function pointColour(view, layer, pixel, rgb) {
  const grey = 50 + 0.6 * rgb[1];
  if (layer.key === "picture") return rgb;
  if (layer.key === "truth") return view.truth?.[pixel] ? TRUTH_COLOUR : [grey, grey, grey];
  return mapColour(layer, view.maps[layer.map][pixel], grey);
}

/** A map's colour of 0 to 255; the anomaly map lets the grey part show where it is low. */
function mapColour(layer, value, grey) {
  const colour = palettes[layer.palette].subarray(3 * value, 3 * value + 3);
  const alpha = layer.key === "anomaly" ? Math.min(1, (2.5 * value) / 255) : 1;
  return [0, 1, 2].map((c) => alpha * colour[c] + (1 - alpha) * grey);
}

/** Draw the cloud as the camera {yaw, pitch, zoom} sees it; contrast is the share of its shading. */
function drawCloud(context, cloud, colours, camera, ground, contrast) {
  const { width, height } = context.canvas, image = context.createImageData(width, height);
  const paint = new Uint32Array(image.data.buffer), depth = new Float32Array(width * height).fill(Infinity);
  paint.fill((255 << 24) | (ground[2] << 16) | (ground[1] << 8) | ground[0]);
  const [cy, sy, cp, sp] = [Math.cos(camera.yaw), Math.sin(camera.yaw), Math.cos(camera.pitch), Math.sin(camera.pitch)];
  const focal = 1.35 * Math.min(width, height) * camera.zoom, away = 3;
  for (let i = 0; i < cloud.positions.length; i += 3) {
    const [x0, y0, z0] = [cloud.positions[i], cloud.positions[i + 1], cloud.positions[i + 2]];
    const x = cy * x0 + sy * z0, z1 = cy * z0 - sy * x0, y = cp * y0 - sp * z1, z = cp * z1 + sp * y0 + away;
    const [n0, n1, n2] = [cloud.normals[i], cloud.normals[i + 1], cloud.normals[i + 2]];
    const nx = cy * n0 + sy * n2, nz1 = cy * n2 - sy * n0, ny = cp * n1 - sp * nz1, nz = cp * nz1 + sp * n1;
    const light = 1 - contrast + contrast * Math.abs(-0.35 * nx - 0.45 * ny - 0.82 * nz);
    const colour = (255 << 24) | ((colours[i + 2] * light) << 16) | ((colours[i + 1] * light) << 8) | (colours[i] * light);
    const reach = Math.max(1, (0.8 * cloud.spacing * focal) / z);
    const left = Math.round(width / 2 + (focal * x) / z - reach), top = Math.round(height / 2 + (focal * y) / z - reach);
    const right = Math.min(width, Math.round(left + 2 * reach)), bottom = Math.min(height, Math.round(top + 2 * reach));
    for (let v = Math.max(0, top); v < bottom; v++) {
      for (let place = v * width + Math.max(0, left), end = v * width + right; place < end; place++) {
        if (z < depth[place]) {
          depth[place] = z;
          paint[place] = colour;
        }
      }
    }
  }
  context.putImageData(image, 0, 0);
}
