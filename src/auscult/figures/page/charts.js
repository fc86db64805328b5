"use strict";

// Charts of the same tables as the static figures: value, interval and n of a mark by pointer, touch or arrow keys.
// Loaded with Vega and Vega-Lite when the first chart is opened. Expressions are interpreted, since the page's policy
// allows no code made from text.
const CHARTS = (() => {
  // Columns that tell rows of a table apart, in the order in which they are chosen; all others state something of a row.
  const CONDITIONS = ["metric", "corpus", "target", "analysis", "task", "labels", "probe", "tier", "speaker", "context",
    "method", "other_method", "input", "unit", "against", "fraction", "pooling", "reference", "distance", "correlation",
    "readout", "factor", "component", "null", "fitted_on", "erased_at", "dose", "disjoint_in", "position", "gender",
    "control", "seed", "n_train", "given", "other", "other_target",
    "other_model", "other_step", "other_layer", "head", "direction", "offset", "layer", "step", "model"];
  const ORDERED = ["layer", "step", "fraction", "dose", "offset"];

  const words = (name) => name.replaceAll("_", " ");
  const text = (value) => (value === null || value === undefined || value === "" ? "–" : String(value));
  const number = (value) => value.toFixed(3).replace(/^(-?)0\./, "$1.").replace("-", "−");
  const finite = (value) => typeof value === "number" && Number.isFinite(value);
  const distinct = (values) => [...new Set(values)];
  const isNumber = (step) => /^\d+$/.test(step);

  const make = (tag, content, attributes = {}) => {
    const node = document.createElement(tag);
    if (content !== undefined) node.textContent = content;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  const records = ({ columns, rows }) => rows
    .map((row) => Object.fromEntries(columns.map((column, place) => [column, row[place]])))
    .filter((row) => finite(row.value));

  // Steps of a model before and after training; all others are shown along the steps only.
  const firstAndLast = (rows) => {
    const last = new Map();
    const order = (step) => (isNumber(text(step)) ? Number(step) : Infinity);
    for (const row of rows) {
      if (!last.has(row.model) || order(row.step) > order(last.get(row.model))) last.set(row.model, row.step);
    }
    return rows.filter((row) => row.step === last.get(row.model) || text(row.step) === "0");
  };

  const seriesOf = (row, along) => {
    const look = (TALK.looks || {})[row.model] || {};
    const label = look.label || text(row.model);
    const untrained = along !== "step" && text(row.step) === "0";
    return { label: untrained ? `${label}, untrained` : label, colour: look.colour || "#555555", untrained };
  };

  const mixed = (colour, other, share) => {
    const parts = [colour, other].map((one) => [1, 3, 5].map((at) => parseInt(one.slice(at, at + 2), 16)));
    return "#" + parts[0].map((part, at) =>
      Math.round((1 - share) * part + share * parts[1][at]).toString(16).padStart(2, "0")).join("");
  };

  // Contrast of two colours, from 1 to 21 (WCAG 2.2).
  const luminance = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + [0.2126, 0.7152, 0.0722][at] * part, 0);
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  // Untrained models are nearer to the ground, and nothing is so near that its contrast is below 3.
  const shade = ({ colour, untrained }, { dark, card }) => {
    const away = dark ? "#ffffff" : "#000000";
    let seen = dark ? mixed(colour, away, 0.45) : colour;
    if (untrained) seen = mixed(seen, card, 0.4);
    for (let turn = 0; turn < 20 && contrast(seen, card) < 3; turn += 1) seen = mixed(seen, away, 0.1);
    return seen;
  };

  // The rows that are shown, and for every other condition the values to choose from.
  const choose = (all, along, chosen, start) => {
    let rows = along === "step" ? all.filter((row) => isNumber(text(row.step))) : firstAndLast(all);
    // Rows that do not state what the chart goes along have no place in it, unless none states it.
    const stated = rows.filter((row) => text(row[along]) !== "–");
    if (stated.length) rows = stated;
    const offered = new Map();
    for (const column of CONDITIONS) {
      if (column === along || column === "step" || column === "model") continue;
      const counts = new Map();
      for (const row of rows) counts.set(text(row[column]), (counts.get(text(row[column])) || 0) + 1);
      const most = [...counts.keys()].reduce((one, other) => (counts.get(other) > counts.get(one) ? other : one), "–");
      const value = [chosen[column], start[column], most].find((wanted) => counts.has(wanted)) ?? [...counts.keys()][0];
      offered.set(column, { values: [...counts.keys()], value });
      rows = rows.filter((row) => text(row[column]) === value);
    }
    return { rows, offered };
  };

  const describe = (row, along) => {
    const interval = finite(row.ci_low) && finite(row.ci_high) ? ` [${number(row.ci_low)}, ${number(row.ci_high)}]` : ", no interval";
    const unit = row.resampling_unit ? words(row.resampling_unit) : "group";
    const groups = finite(row.n_groups) ? `, ${row.n_groups} ${unit}${row.n_groups === 1 ? "" : "s"}` : "";
    const n = finite(row.n) ? `; n = ${row.n}${groups}` : "";
    const chance = finite(row.chance) ? `; chance ${number(row.chance)}` : "";
    const place = along === "model" ? "" : `, ${words(along)} ${text(row[along])}`;
    return `${seriesOf(row, along).label}${place}: ${number(row.value)}${interval}${n}${chance}`;
  };

  const specify = (rows, along, metric, width, colours) => {
    const series = new Map(rows.map((row) => [seriesOf(row, along).label, seriesOf(row, along)]));
    const places = distinct(rows.map((row) => text(row[along])));
    const upright = ORDERED.includes(along);
    const measured = upright && along !== "layer";
    const data = rows.map((row, i) => ({ i, value: row.value, low: row.ci_low, high: row.ci_high,
      along: measured ? Number(row[along]) : text(row[along]), series: seriesOf(row, along).label }));
    const chances = distinct(rows.map((row) => row.chance).filter(finite));
    const [on, other] = upright ? ["y", "x"] : ["x", "y"];
    const value = { field: "value", type: "quantitative", title: words(metric), scale: { zero: false } };
    const sort = { sort: places, axis: { labelAngle: 0, labelLimit: upright ? 70 : width / 3, labelOverlap: true } };
    const where = measured ? { field: "along", type: "quantitative", title: words(along), scale: { zero: false }, axis: { format: "~g" } }
      : { field: "along", type: "nominal", title: upright ? words(along) : null, ...sort };
    const colour = { field: "series", type: "nominal", title: null,
      scale: { domain: [...series.keys()], range: [...series.values()].map((one) => shade(one, colours)) },
      legend: { orient: "bottom", direction: "vertical", columns: width > 520 ? 2 : 1, labelLimit: width > 520 ? width / 2 - 60 : width - 60 } };
    const offset = upright ? {} : { yOffset: { field: "series", type: "nominal", sort: [...series.keys()] } };
    const base = { [other]: where, color: colour, ...offset };
    const layers = [
      { transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }], mark: { type: "rule", strokeWidth: 2, opacity: 0.5 },
        encoding: { ...base, [on]: { ...value, field: "low" }, [`${on}2`]: { field: "high" } } },
      { mark: { type: "point", filled: true, size: 45, opacity: 1 }, encoding: { ...base, [on]: value } },
      { transform: [{ filter: "datum.i === current" }], mark: { type: "point", size: 170, strokeWidth: 2, filled: false, color: colours.ink },
        encoding: { [other]: where, ...offset, [on]: value } },
      { mark: { type: "point", filled: true, size: 400, opacity: 0 }, encoding: { [other]: where, ...offset, [on]: value } },
    ];
    // The chosen layer and the input of acoustic baselines are no next layer.
    const joined = [{ filter: "datum.along !== 'selected' && datum.along !== 'input'" }];
    if (upright) layers.unshift({ transform: joined, mark: { type: "line", strokeWidth: 1.5 }, encoding: { ...base, [on]: value } });
    if (chances.length === 1) {
      layers.unshift({ data: { values: [{ value: chances[0] }] }, mark: { type: "rule", strokeDash: [5, 4], color: colours.soft }, encoding: { [on]: value } });
    }
    return {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      data: { values: data }, params: [{ name: "current", value: -1 }], layer: layers, width,
      height: upright ? 260 : Math.max(80, places.length * (8 + series.size * Math.max(9, 26 / Math.sqrt(series.size)))),
      autosize: { type: "fit-x", contains: "padding" }, background: "transparent",
      config: { aria: false, font: "system-ui, sans-serif", view: { stroke: null },
        axis: { labelColor: colours.ink, titleColor: colours.ink, gridColor: colours.line, domainColor: colours.soft,
          tickColor: colours.soft, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" },
        legend: { labelColor: colours.ink, labelFontSize: 12, symbolOpacity: 1 } },
    };
  };

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const named = (name) => style.getPropertyValue(`--${name}`).trim();
    return { ink: named("ink"), soft: named("soft"), line: named("line"), card: named("card"),
      dark: matchMedia("(prefers-color-scheme: dark)").matches };
  };

  // A chart in a place of the page: controls for what is shown, the marks, and the one that is read.
  const open = (place, table, title, start) => {
    const all = records(table);
    if (!all.length) {
      place.replaceChildren(make("p", "The table has no values."));
      return;
    }
    const varying = CONDITIONS.filter((column) => distinct(all.map((row) => text(row[column]))).length > 1);
    const axes = varying.length ? varying : ["model"];
    const layers = distinct(all.map((row) => row.layer)).length;
    const usual = axes.includes("layer") && layers > 2 ? "layer" : axes.find((column) => column !== "metric") || axes[0];
    const state = { along: axes.includes(start.along) ? start.along : usual, chosen: {}, rows: [], current: -1, view: null };
    const bar = make("div", undefined, { class: "controls" });
    const help = "Arrow keys go from value to value, Home and End to the first and the last.";
    const marks = make("div", undefined, { class: "chart", tabindex: "0", role: "application", "aria-roledescription": "chart" });
    const tip = make("div", undefined, { class: "tip", "aria-hidden": "true" });
    const said = make("p", "", { class: "said", role: "status" });
    const selects = new Map();

    const control = (name, label, change) => {
      const node = make("label", `${label} `), select = make("select");
      select.addEventListener("change", () => { change(select.value); draw(); });
      node.append(select);
      bar.append(node);
      selects.set(name, { node, select });
      return select;
    };
    const offer = (name, values, value) => {
      const { node, select } = selects.get(name);
      node.hidden = values.length < 2;
      select.replaceChildren(...values.map((one) => make("option", name === "along" ? words(one) : one, { value: one })));
      select.value = value;
    };

    const read = (i) => {
      state.current = i;
      said.textContent = i < 0 ? help : describe(state.rows[i], state.along);
      if (state.view) state.view.signal("current", i).runAsync();
    };

    const draw = async () => {
      const { rows, offered } = choose(all, state.along, state.chosen, start);
      const metric = rows[0].metric || "value";
      offer("along", axes, state.along);
      for (const column of varying) if (selects.has(column)) offer(column, offered.get(column)?.values || [], offered.get(column)?.value);
      state.rows = rows;
      marks.setAttribute("aria-label", `${title}: ${words(metric)} by ${words(state.along)}, ${rows.length} value${rows.length === 1 ? "" : "s"}. ${help} The table has all of them.`);
      if (state.view) state.view.finalize();
      const canvas = make("div", undefined, { "aria-hidden": "true" });
      marks.replaceChildren(canvas, tip);
      tip.hidden = true;
      const spec = specify(rows, state.along, metric, marks.clientWidth, colours());
      const runtime = vega.parse(vegaLite.compile(spec).spec, null, { ast: true });
      state.view = new vega.View(runtime, { expr: vegaInterpreter.expressionInterpreter, renderer: "svg", container: canvas });
      const point = (event, item) => {
        const datum = item && ["symbol", "rule"].includes(item.mark.marktype) ? item.datum : null;
        tip.hidden = !datum || datum.i === undefined;
        if (tip.hidden) return;
        if (datum.i !== state.current) read(datum.i);
        tip.textContent = describe(state.rows[datum.i], state.along);
        const box = marks.getBoundingClientRect();
        const left = Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth);
        tip.style.left = `${Math.max(left, 0)}px`;
        tip.style.top = `${event.clientY - box.top + 18}px`;
      };
      for (const event of ["mousemove", "click", "touchstart"]) state.view.addEventListener(event, point);
      read(-1);
      await state.view.runAsync();
      place.dataset.drawn = String(rows.length);
    };

    control("along", "by", (value) => { state.along = value; });
    for (const column of varying) {
      if (!["step", "model"].includes(column)) control(column, words(column), (value) => { state.chosen[column] = value; });
    }
    marks.addEventListener("keydown", (event) => {
      const last = state.rows.length - 1, at = state.current;
      const to = { ArrowRight: Math.min(at + 1, last), ArrowDown: Math.min(at + 1, last), ArrowLeft: Math.max(at - 1, 0),
        ArrowUp: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      tip.hidden = true;
      read(to);
    });
    marks.addEventListener("mouseleave", () => { tip.hidden = true; });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    let width = 0;
    new ResizeObserver(() => {
      if (!marks.clientWidth || marks.clientWidth === width) return;
      width = marks.clientWidth;
      draw();
    }).observe(marks);
    place.replaceChildren(bar, marks, said);
  };

  return { open };
})();
