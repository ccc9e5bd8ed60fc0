// Read-outs under the pointer. The page is complete without this script: it only reads back what
// the charts show, from the paths and the scales written next to them.
"use strict";
(() => {
  const three = (value) => {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const digits = size >= 100 || size === 0 ? 0 : Math.min(6, 2 - Math.floor(Math.log10(size)));
    return value.toLocaleString("en-GB", { maximumFractionDigits: digits });
  };
  const scaled = (value, steps) => {
    const [factor, unit] = steps.find(([least]) => Math.abs(value) >= 0.9995 * least) || steps.at(-1);
    return `${three(value / factor)} ${unit}`;
  };
  const write = {
    duration: (v) => scaled(v, [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]]),
    span: (v) => {
      for (const [factor, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
        if (v >= 2 * factor) return `${three(v / factor)} ${unit}`;
      }
      return write.duration(v);
    },
    power: (v) => scaled(v, [[1e6, "MW"], [1e3, "kW"], [1, "W"]]),
    share: (v) => `${three(100 * v)} %`,
    celsius: (v) => `${v.toFixed(1)} °C`,
    number: three,
  };
  const invert = { linear: (v) => v, log: (v) => 10 ** v, nines: (v) => 1 - 10 ** -v };
  const gridX = 4000, gridY = 2000;

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);

  const show = (event, text) => {
    tip.textContent = text;
    tip.hidden = false;
    const right = event.pageX + 16 + tip.offsetWidth > document.documentElement.clientWidth;
    tip.style.left = `${Math.max(4, right ? event.pageX - tip.offsetWidth - 12 : event.pageX + 16)}px`;
    tip.style.top = `${event.pageY + 14}px`;
  };

  // the points of a path: "M x y l dx dy ...", one list per stretch without a gap
  const points = (path) => path.getAttribute("d").split("M").slice(1).map((piece) => {
    const numbers = (piece.match(/-?\d+/g) || []).map(Number);
    let [x, y] = numbers;
    const found = [[x, y]];
    for (let i = 2; i + 1 < numbers.length; i += 2) {
      x += numbers[i];
      y += numbers[i + 1];
      found.push([x, y]);
    }
    return found;
  });
  const level = (pieces, x) => {
    for (const piece of pieces) {
      const after = piece.findIndex((point) => point[0] > x);
      if (after > 0) {
        const [[x0, y0], [x1, y1]] = [piece[after - 1], piece[after]];
        return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
      }
    }
    return null;
  };
  const scale = (svg, name) => {
    const [kind, low, high, unit] = JSON.parse(svg.dataset[name]);
    return (place) => write[unit](invert[kind](low + place * (high - low)));
  };

  for (const svg of document.querySelectorAll(".plot")) {
    const [readX, readY] = [scale(svg, "x"), scale(svg, "y")];
    const lines = [...svg.querySelectorAll("path.line")].map((path) => [path.dataset.name, points(path)]);
    const cross = document.createElementNS(svg.namespaceURI, "line");
    cross.setAttribute("class", "cross");
    cross.setAttribute("y2", svg.dataset.height);
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const place = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const told = lines.map(([name, pieces]) => [name, level(pieces, place * gridX)])
        .filter(([, y]) => y !== null).map(([name, y]) => `${name}: ${readY(1 - y / gridY)}`);
      cross.setAttribute("x1", `${100 * place}%`);
      cross.setAttribute("x2", `${100 * place}%`);
      svg.append(cross);
      show(event, [readX(place), ...told].join("\n"));
    });
    svg.addEventListener("pointerleave", () => { cross.remove(); tip.hidden = true; });
  }

  const rowName = (svg, y) => {
    for (const [top, group, labels] of JSON.parse(svg.dataset.groups)) {
      const row = Math.floor((y - top) / Number(svg.dataset.row));
      if (row >= 0 && row < labels.length) return `${group.split(" · ")[0]}/${labels[row]}`;
    }
    return "";
  };
  for (const svg of document.querySelectorAll(".heat")) {
    const [start, end] = JSON.parse(svg.dataset.ends);
    const steps = JSON.parse(svg.dataset.steps);
    svg.addEventListener("pointermove", (event) => {
      const step = event.target.dataset.level;
      if (step === undefined) { tip.hidden = true; return; }
      const box = svg.getBoundingClientRect();
      const time = start + ((event.clientX - box.left) / box.width) * (end - start);
      show(event, `${rowName(svg, event.clientY - box.top)}\n${write.span(time)}: ${steps[step]}`);
    });
    svg.addEventListener("pointerleave", () => { tip.hidden = true; });
  }

  // all sliders show the same moment; each moves a line over the map above it
  const scrubbers = [...document.querySelectorAll(".scrubber")].map((root) => {
    const slider = root.querySelector(".scrub");
    const map = root.closest(".panel").querySelector(".heat");
    const line = document.createElementNS(map.namespaceURI, "line");
    line.setAttribute("class", "cross now");
    line.setAttribute("y2", "100%");
    map.append(line);
    slider.hidden = false;
    return { root, slider, line, boxes: [...root.querySelectorAll("rect")] };
  });
  const showMoment = (cell) => {
    for (const { root, slider, line, boxes } of scrubbers) {
      const place = (cell + 0.5) / (Number(slider.max) + 1);
      const [start, end] = JSON.parse(root.dataset.ends);
      slider.value = String(cell);
      root.querySelector("output").textContent = write.span(start + place * (end - start));
      line.setAttribute("x1", `${100 * place}%`);
      line.setAttribute("x2", `${100 * place}%`);
      for (const box of boxes) {
        const sign = box.dataset.levels[cell];
        const look = sign === "-" ? "none" : sign === "a" ? "over" : `q${sign}`;
        box.setAttribute("class", `fill ${look}`);
      }
    }
  };
  for (const { root, slider, boxes } of scrubbers) {
    const steps = JSON.parse(root.dataset.steps);
    slider.addEventListener("input", () => showMoment(Number(slider.value)));
    for (const box of boxes) {
      box.addEventListener("pointermove", (event) => {
        const sign = box.dataset.levels[Number(slider.value)];
        show(event, `${box.dataset.name}\n${sign === "-" ? "–" : steps[parseInt(sign, 16)]}`);
      });
      box.addEventListener("pointerleave", () => { tip.hidden = true; });
    }
  }
  if (scrubbers.length) showMoment(Number(scrubbers[0].slider.value));

  // a click on the title of a column sorts its table, another one turns the order around
  const sizes = {
    "%": 0.01, "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400, W: 1, kW: 1e3, MW: 1e6,
    Wh: 1, kWh: 1e3, MWh: 1e6, GWh: 1e9, g: 1, kg: 1e3, t: 1e6,
  };
  const sortKey = (cell) => {
    const text = cell.textContent.trim().replace(/,/g, "").replace("−", "-");
    const found = text.match(/^[^0-9A-Za-z]*?(-?[0-9.]+(?:e[+-]?[0-9]+)?)[\s\u00a0]*([%µA-Za-z]*)/);
    return found ? Number(found[1]) * (sizes[found[2]] ?? 1) : text.toLowerCase();
  };
  const before = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : Number(a > b);
    return typeof a === "number" ? -1 : 1;
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 3 || body.querySelector(".group")) continue;
    const titles = [...table.tHead.rows[0].cells];
    titles.forEach((title, at) => {
      if (!title.textContent) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...title.childNodes);
      title.append(button);
      button.addEventListener("click", () => {
        const way = title.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        titles.forEach((each) => each.removeAttribute("aria-sort"));
        title.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
        const rows = [...body.rows].map((row) => [sortKey(row.cells[at]), row]);
        rows.sort(([a], [b]) => way * before(a, b)).forEach(([, row]) => body.append(row));
      });
    });
  }
})();
