// Draws the charts of a page: unpacks the library, puts colours and named functions into options
// that are plain data, links the charts over time, and writes SVG, PNG and CSV.
"use strict";
(() => {
  const figures = [...document.querySelectorAll("figure.live")];
  if (!figures.length || typeof DecompressionStream === "undefined") return;
  const unpacked = async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const safe = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const three = (v) => (v === 0 ? "0" : v.toLocaleString("en-GB", { maximumSignificantDigits: 3 }));
  const scaled = (v, steps) => {
    const [factor, unit] = steps.find(([least]) => Math.abs(v) >= 0.9995 * least) || steps.at(-1);
    return `${three(v / factor)} ${unit}`;
  };
  const write = {
    duration: (v) => (v === 0 ? "0 s" : scaled(v, [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]])),
    power: (v) => (v === 0 ? "0" : scaled(v, [[1e6, "MW"], [1e3, "kW"], [1, "W"]])),
    share: (v) => `${three(100 * v)} %`,
    celsius: (v) => `${v.toFixed(1)} °C`,
    span: (v) => write.moment(1000 * v),
    number: three,
    text: String,
    moment: (v) => {
      const s = Math.round(v / 1000);
      const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
      const first = parts.findIndex(([size]) => s >= size);
      if (first < 0) return "0";
      const told = parts.slice(first, first + 2).map(([size, unit], at) => {
        const rest = at ? s % parts[first][0] : s;
        return [Math.floor(rest / size), unit];
      });
      return told.filter(([n]) => n).map(([n, unit]) => `${n} ${unit}`).join(" ");
    },
  };
  const made = {
    write: ({ unit }) => (v) => (unit === "text" || Number.isFinite(v) ? write[unit](v) : "–"),
    rows: ({ unit }) => (rows) => [
      safe(write.moment(rows[0].axisValue)),
      ...rows.map((row) => {
        const v = row.value[row.encode.y[0]];
        return `${safe(row.seriesName)}: ${v == null ? "–" : safe(write[unit](v))}`;
      }),
    ].join("<br>"),
    point: ({ x, y }) => ({ name, value: [at, v, low, high] }) => {
      const place = x.texts.length ? x.texts[at] : write[x.unit](at);
      const ends = low == null || high == null ? "" : ` (${write[y.unit](low)} to ${write[y.unit](high)})`;
      return [name, `${x.title}: ${place}`, `${y.title}: ${write[y.unit](v)}${ends}`].map(safe).join("<br>");
    },
    told: () => ({ name, data }) => [name, data.told].map(safe).join("<br>"),
    whisker: ({ colour }) => (_, api) => {
      const [x, , low, high] = [0, 1, 2, 3].map((at) => api.value(at));
      const [[left, bottom], [, top]] = [api.coord([x, low]), api.coord([x, high])];
      const style = { stroke: colour, lineWidth: 1.4, opacity: 0.75 };
      const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style });
      return { type: "group", children: [
        line(left, bottom, left, top), line(left - 3, bottom, left + 3, bottom), line(left - 3, top, left + 3, top),
      ] };
    },
    cell: ({ colours, texts, text: ink, bad }) => (frame, api) => {
      const [column, row, step, missed] = [0, 1, 2, 3].map((at) => api.value(at));
      const [x, y] = api.coord([column, row]), [width, height] = api.size([1, 1]);
      const box = { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2 };
      const style = { fill: colours[step], ...(missed ? { stroke: bad, lineWidth: 2 } : {}) };
      const text = width > 26 ? texts[frame.dataIndex] : "";
      return { type: "group", children: [
        { type: "rect", shape: box, style },
        { type: "text", style: { x, y, text, fill: ink, align: "center", verticalAlign: "middle", fontSize: 12 } },
      ] };
    },
    span: ({ colours }) => (frame, api) => {
      const [value, low, high, row, wideLow, wideHigh, bad] = [0, 1, 2, 3, 4, 5, 6].map((at) => api.value(at));
      const fill = colours[bad], { x: left, width } = frame.coordSys;
      const place = (v, other) => (Number.isFinite(v) ? Math.min(left + width, Math.max(left, api.coord([v, row])[0])) : other);
      const middle = api.coord([Number.isFinite(value) ? value : 0, row])[1];
      const bar = (a, b, height, opacity) => ({
        type: "rect", style: { fill, opacity },
        shape: { x: place(a, left), y: middle - height / 2, width: Math.max(1, place(b, left + width) - place(a, left)), height },
      });
      const children = [];
      if (Number.isFinite(wideLow)) children.push(bar(wideLow, wideHigh, 14, 0.22));
      if (Number.isFinite(low) || Number.isFinite(high)) children.push(bar(low, high, 6, 0.6));
      if (Number.isFinite(value)) children.push({ type: "circle", shape: { cx: place(value, left), cy: middle, r: 4.5 }, style: { fill } });
      return { type: "group", children };
    },
  };
  const style = () => getComputedStyle(document.documentElement);
  const revive = (value, colours) => {
    if (Array.isArray(value)) return value.map((entry) => revive(entry, colours));
    if (value && typeof value === "object") {
      if (value.$fn) {
        const { $fn, ...given } = value;
        return made[$fn](revive(given, colours));
      }
      if (value.$colour) return colours.getPropertyValue(`--${value.$colour}`).trim();
      return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, revive(v, colours)]));
    }
    return value;
  };
  const save = (name, address) => {
    const link = document.createElement("a");
    link.download = name;
    link.href = address;
    link.click();
  };
  const cell = (text) => {
    const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return `"${plain.replace(/"/g, '""')}"`;
  };
  const csv = (option) => (option.dataset ? timeCsv(option) : pointsCsv(option));
  const pointsCsv = ({ series, xAxis, yAxis, tooltip }) => {
    const drawn = series.filter(({ data, silent }) => data && !silent);
    const texts = tooltip.formatter.x?.texts ?? [];
    const header = drawn[0]?.type === "custom" ? ["name", "value", "low", "high"] : ["series", "name", xAxis.name, yAxis.name, "low", "high"];
    const lines = drawn.flatMap(({ name, type, data }) => data.map((row) => {
      const [x, y, low, high] = row.value;
      return (type === "custom" ? [cell(row.name), x, y, low] : [cell(name), cell(row.name), texts.length ? cell(texts[x]) : x, y, low, high]).map((v) => v ?? "").join(",");
    }));
    return [header.map(cell).join(","), ...lines].join("\r\n");
  };
  const timeCsv = ({ dataset: { source }, legend }) => {
    const keys = legend.data.map((_, at) => `c${at + 1}`);
    const lines = source.c0.map((t, row) => [t / 1000, ...keys.map((key) => source[key][row] ?? "")].join(","));
    return [["time_s", ...legend.data].map(cell).join(","), ...lines].join("\r\n");
  };
  const charts = [];
  const button = (box, text, label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => act(made));
    box.append(made);
  };
  const picture = (entry, renderer) => {
    const box = document.createElement("div");
    const size = { width: 900, height: entry.height + 110 };
    const drawn = echarts.init(box, null, { renderer, ...size });
    const title = { text: entry.title, textStyle: { fontSize: 14, color: style().getPropertyValue("--text").trim() } };
    const legend = { ...entry.drawn.legend, show: true, top: 24, textStyle: { color: title.textStyle.color } };
    drawn.setOption({ ...entry.drawn, animation: false, title, legend, grid: { ...entry.drawn.grid, top: 70 } });
    const background = style().getPropertyValue("--paper").trim();
    const address = renderer === "svg"
      ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawn.renderToSVGString())}`
      : drawn.getDataURL({ pixelRatio: 2, backgroundColor: background });
    drawn.dispose();
    return address;
  };
  const tools = (entry) => {
    const box = document.createElement("div");
    box.className = "tools";
    const zoom = (start, end) => entry.chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, start, end });
    if (entry.group) button(box, "All", `Show all of ${entry.title}`, () => zoom(0, 100));
    button(box, "SVG", `Save ${entry.title} as SVG`, () => save(`${entry.name}.svg`, picture(entry, "svg")));
    button(box, "PNG", `Save ${entry.title} as PNG`, () => save(`${entry.name}.png`, picture(entry, "canvas")));
    button(box, "CSV", `Save ${entry.title} as CSV`, () =>
      save(`${entry.name}.csv`, `data:text/csv;charset=utf-8,${encodeURIComponent(csv(entry.option))}`));
    entry.figure.querySelector("figcaption").append(box);
    // the names of lines become buttons; ranges have a legend, too, but nothing to hide
    const names = new Set(entry.option.legend.data);
    entry.figure.querySelectorAll(".legend li").forEach((item) => {
      const name = item.textContent;
      if (!names.has(name)) return;
      const toggle = document.createElement("button");
      toggle.type = "button";
      toggle.append(...item.childNodes);
      item.append(toggle);
      toggle.setAttribute("aria-pressed", "true");
      toggle.addEventListener("click", () => {
        const on = toggle.getAttribute("aria-pressed") !== "true";
        toggle.setAttribute("aria-pressed", String(on));
        entry.chart.dispatchAction({ type: on ? "legendSelect" : "legendUnSelect", name });
      });
    });
  };
  const keys = (entry) => {
    let at = -1;
    entry.box.addEventListener("keydown", (event) => {
      const last = (entry.option.dataset?.source.c0 ?? entry.option.series[0].data).length - 1;
      if (!entry.group && !event.key.startsWith("Arrow")) return;
      const { start, end } = entry.chart.getOption().dataZoom?.[0] ?? { start: 0, end: 100 };
      const middle = (start + end) / 2, half = (end - start) / 2;
      const zoom = (by) => entry.chart.dispatchAction({
        type: "dataZoom", dataZoomIndex: 0, start: Math.max(0, middle - by * half), end: Math.min(100, middle + by * half),
      });
      if (event.key === "ArrowRight") at = Math.min(last, at + 1);
      else if (event.key === "ArrowLeft") at = Math.max(0, at - 1);
      else if (event.key === "+") zoom(0.5);
      else if (event.key === "-") zoom(2);
      else if (event.key === "0") entry.chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, start: 0, end: 100 });
      else return;
      event.preventDefault();
      if (event.key.startsWith("Arrow")) entry.chart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: at });
    });
  };
  const paint = (entry) => {
    entry.drawn = revive(entry.option, style());
    entry.chart.setOption(entry.drawn, true);
    // a drag over the plot zooms
    if (entry.group) entry.chart.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  };
  const start = async () => {
    const library = document.createElement("script");
    library.textContent = await unpacked(document.getElementById("lb-library").textContent);
    document.head.append(library);
    for (const figure of figures) {
      const { option, group, height } = JSON.parse(await unpacked(figure.querySelector("script").textContent));
      const box = figure.querySelector(".canvas");
      box.style.height = `${height}px`;
      figure.classList.add("drawing");
      const title = figure.querySelector("strong").textContent;
      const chart = echarts.init(box, null, { renderer: "canvas" });
      const entry = { figure, box, title, option, group, height, chart, name: title.toLowerCase().replace(/[^a-z0-9]+/g, "-") };
      if (group) chart.group = group;
      charts.push(entry);
      paint(entry);
      tools(entry);
      keys(entry);
    }
    echarts.connect("time");
    new ResizeObserver(() => charts.forEach(({ chart }) => chart.resize())).observe(document.querySelector("main"));
    // colours are those of the page: of the dark one, and of paper, which is light
    for (const media of ["(prefers-color-scheme: dark)", "print"]) {
      matchMedia(media).addEventListener("change", () => charts.forEach((entry) => { entry.chart.resize(); paint(entry); }));
    }
    document.documentElement.dataset.charts = String(charts.length);
  };
  start();
})();
