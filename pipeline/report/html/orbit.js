// Turning the cloud by mouse, touch and keys.

const START = { yaw: 0.35, pitch: -0.55, zoom: 1 };
const camera = { ...START };
const TURN = 0.12, ZOOM = 1.15;

const KEYS = {
  ArrowLeft: () => turn(-TURN, 0), ArrowRight: () => turn(TURN, 0),
  ArrowUp: () => turn(0, -TURN), ArrowDown: () => turn(0, TURN),
  "+": () => zoom(ZOOM), "=": () => zoom(ZOOM), "-": () => zoom(1 / ZOOM),
  0: () => Object.assign(camera, START),
};

function turn(yaw, pitch) {
  camera.yaw += yaw;
  camera.pitch = Math.max(-1.55, Math.min(1.55, camera.pitch + pitch));
}

function zoom(factor) {
  camera.zoom = Math.max(0.4, Math.min(8, camera.zoom * factor));
}

/** Let a canvas steer the camera; `redraw` is called after each change. */
function setUpOrbit(target, redraw) {
  const fingers = new Map();
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  target.addEventListener("pointerdown", (event) => {
    target.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  target.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const width = fingers.size > 1 ? spread() : 0;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size > 1) zoom(spread() / (width || 1));
    else turn((event.clientX - before.x) * 0.01, (event.clientY - before.y) * 0.01);
    redraw();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    target.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  target.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? ZOOM : 1 / ZOOM);
    redraw();
  }, { passive: false });
  target.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // the dialog's arrows change the scan
    KEYS[event.key]();
    redraw();
  });
}
