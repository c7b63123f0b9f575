"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const stage = byId("stage");
  const handle = byId("handle");
  const canvas = byId("difference");
  const pictures = [...stage.querySelectorAll("img")];
  const rightChoices = [...document.querySelectorAll("input[name=right]")];
  const leftChoice = byId("left");
  const views = [...document.querySelectorAll("input[name=view]")];
  const size = { width: pictures[0].width, height: pictures[0].height };
  const MAX_ZOOM = 32; // device pixels for each pixel of the picture

  const state = { left: 0, right: 1, split: 50, scale: 1, x: 0, y: 0, isFitted: true };
  const isDifference = () => views[1].checked;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const density = () => window.devicePixelRatio || 1;
  const fittingScale = () =>
    Math.min(stage.clientWidth / size.width, stage.clientHeight / size.height);

  /* drawing */
  function keepInside() {
    for (const [axis, room, length] of [
      ["x", stage.clientWidth, size.width * state.scale],
      ["y", stage.clientHeight, size.height * state.scale],
    ]) {
      state[axis] = length <= room ? (room - length) / 2 : clamp(state[axis], room - length, 0);
    }
  }

  function draw() {
    if (state.isFitted) state.scale = fittingScale();
    keepInside();
    const place = `translate(${state.x}px, ${state.y}px) scale(${state.scale})`;
    const cut = ((stage.clientWidth * state.split) / 100 - state.x) / state.scale;
    const hidden = isDifference();
    pictures.forEach((picture, index) => {
      const isRight = index === state.right;
      picture.classList.toggle("is-off", hidden || (index !== state.left && !isRight));
      picture.style.transform = place;
      picture.style.zIndex = isRight ? "1" : "0";
      picture.style.clipPath = isRight
        ? `inset(0 0 0 ${clamp(cut, 0, size.width)}px)`
        : `inset(0 ${clamp(size.width - cut, 0, size.width)}px 0 0)`;
    });
    canvas.style.transform = place;
    canvas.hidden = !hidden;
    handle.hidden = hidden;
    handle.style.left = `${state.split}%`;
    handle.setAttribute("aria-valuenow", state.split.toFixed(0));
    handle.setAttribute(
      "aria-valuetext",
      `${state.split.toFixed(0)} percent ${pictures[state.left].dataset.name}, ` +
        `rest ${pictures[state.right].dataset.name}`,
    );
    stage.classList.toggle("is-magnified", isMagnified());
    stage.classList.toggle("is-pixelated", state.scale * density() >= 2.5);
    byId("zoom").value = `${Math.round(state.scale * density() * 100)} %`;
    byId("gain-field").hidden = !hidden;
  }

  function label(tag, picture) {
    const name = document.createElement("b");
    name.textContent = picture.dataset.name;
    const figures = document.createElement("span");
    figures.textContent = picture.dataset.figures;
    tag.replaceChildren(name, figures);
  }

  function chooseSides() {
    state.left = Number(leftChoice.value);
    state.right = Number(rightChoices.find((choice) => choice.checked).value);
    label(byId("left-tag"), pictures[state.left]);
    label(byId("right-tag"), pictures[state.right]);
    for (const row of document.querySelectorAll("tr[data-picture]")) {
      row.classList.toggle("is-chosen", Number(row.dataset.picture) === state.right);
    }
    if (isDifference()) drawDifference();
    draw();
  }

  function pixelsOf(picture) {
    const sheet = document.createElement("canvas");
    sheet.width = size.width;
    sheet.height = size.height;
    const context = sheet.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0, size.width, size.height);
    return context.getImageData(0, 0, size.width, size.height).data;
  }

  function drawDifference() {
    const gain = 2 ** Number(byId("gain").value);
    byId("gain-value").value = `× ${gain}`;
    const [left, right] = [pixelsOf(pictures[state.left]), pixelsOf(pictures[state.right])];
    canvas.width = size.width;
    canvas.height = size.height;
    const context = canvas.getContext("2d");
    const result = context.createImageData(size.width, size.height);
    let largest = 0;
    for (let i = 0; i < left.length; i += 4) {
      for (let channel = i; channel < i + 3; channel += 1) {
        const difference = Math.abs(left[channel] - right[channel]);
        if (difference > largest) largest = difference;
        result.data[channel] = difference * gain;
      }
      result.data[i + 3] = 255;
    }
    context.putImageData(result, 0, 0);
    byId("largest").textContent = `largest difference ${largest} of 255`;
    const names = `${pictures[state.left].dataset.name} and ${pictures[state.right].dataset.name}`;
    canvas.setAttribute(
      "aria-label",
      `Difference of ${names}, times ${gain}; the largest is ${largest} of 255`,
    );
  }

  /* moving */
  const isMagnified = () => state.scale > fittingScale() * 1.001;

  function setSplit(percent) {
    state.split = clamp(percent, 0, 100);
    draw();
  }

  const splitAt = (clientX) => {
    const box = stage.getBoundingClientRect();
    return ((clientX - box.left) / box.width) * 100;
  };

  function zoomTo(scale, clientX, clientY) {
    const box = stage.getBoundingClientRect();
    const [x, y] = [
      (clientX ?? box.left + box.width / 2) - box.left,
      (clientY ?? box.top + box.height / 2) - box.top,
    ];
    const lowest = Math.min(fittingScale(), 1 / density());
    const next = clamp(scale, lowest, Math.max(MAX_ZOOM / density(), fittingScale()));
    state.x = x - ((x - state.x) * next) / state.scale;
    state.y = y - ((y - state.y) * next) / state.scale;
    state.scale = next;
    state.isFitted = Math.abs(next / fittingScale() - 1) < 0.001;
    draw();
  }

  function fit() {
    state.isFitted = true;
    draw();
  }

  /* pointers */
  const pointers = new Map();
  let drag = null; // "split" or "pan"
  let pinch = null; // distance and scale at its start

  const spread = () => {
    const [first, second] = [...pointers.values()];
    return {
      distance: Math.hypot(first.x - second.x, first.y - second.y),
      x: (first.x + second.x) / 2,
      y: (first.y + second.y) / 2,
    };
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.setPointerCapture(event.pointerId);
    if (pointers.size === 2) {
      drag = null;
      pinch = { ...spread(), scale: state.scale };
      return;
    }
    const isOnHandle = handle.contains(event.target);
    drag = !isOnHandle && (isMagnified() || isDifference()) ? "pan" : "split";
    stage.classList.add("is-dragging");
    if (isOnHandle) handle.focus({ preventScroll: true });
    else if (drag === "split" && event.pointerType === "mouse") setSplit(splitAt(event.clientX));
    if (event.pointerType === "mouse") event.preventDefault(); // no dragging of the image itself
  });

  stage.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pinch && pointers.size === 2) {
      const now = spread();
      zoomTo((pinch.scale * now.distance) / pinch.distance, now.x, now.y);
    } else if (drag === "split") {
      setSplit(splitAt(event.clientX));
    } else if (drag === "pan") {
      state.x += event.clientX - last.x;
      state.y += event.clientY - last.y;
      draw();
    }
  });

  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      pointers.delete(event.pointerId);
      pinch = null;
      drag = null;
      stage.classList.remove("is-dragging");
    });
  }

  stage.addEventListener("dblclick", (event) => {
    if (handle.contains(event.target)) return;
    if (isMagnified()) fit();
    else zoomTo(Math.max(1 / density(), state.scale * 2), event.clientX, event.clientY);
  });

  stage.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      zoomTo(state.scale * 2 ** (-event.deltaY / 200), event.clientX, event.clientY);
    },
    { passive: false },
  );

  /* keys */
  const splitKeys = {
    ArrowLeft: (split) => split - 1,
    ArrowDown: (split) => split - 1,
    ArrowRight: (split) => split + 1,
    ArrowUp: (split) => split + 1,
    PageDown: (split) => split - 10,
    PageUp: (split) => split + 10,
    Home: () => 0,
    End: () => 100,
  };
  handle.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in splitKeys)) return;
    event.preventDefault();
    event.stopPropagation();
    setSplit(splitKeys[event.key](state.split));
  });

  const move = (x, y) => {
    state.x += x;
    state.y += y;
    draw();
  };
  const stageKeys = {
    ArrowLeft: () => move(60, 0),
    ArrowRight: () => move(-60, 0),
    ArrowUp: () => move(0, 60),
    ArrowDown: () => move(0, -60),
    "+": () => zoomTo(state.scale * 1.5),
    "=": () => zoomTo(state.scale * 1.5),
    "-": () => zoomTo(state.scale / 1.5),
    0: fit,
    1: () => zoomTo(1 / density()),
  };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in stageKeys)) return;
    if (event.key.startsWith("Arrow") && !isMagnified()) return; // the page scrolls
    event.preventDefault();
    stageKeys[event.key]();
  });

  /* controls */
  byId("zoom-in").addEventListener("click", stageKeys["+"]);
  byId("zoom-out").addEventListener("click", stageKeys["-"]);
  byId("zoom-fit").addEventListener("click", fit);
  byId("zoom-actual").addEventListener("click", stageKeys[1]);
  byId("gain").addEventListener("input", drawDifference);
  for (const control of [...rightChoices, ...views, leftChoice]) {
    control.addEventListener("change", chooseSides);
  }

  new ResizeObserver(draw).observe(stage);
  chooseSides();
  Promise.all(pictures.map((picture) => picture.decode().catch(() => null))).then(chooseSides);
})();
