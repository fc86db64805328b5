"use strict";
// Tables and charts of the figures. A page opened from a disk may not fetch files, so the rows of each table are a script,
// loaded when its table or chart is first opened: it calls TALK.rows(name, columns, rows).
const TALK = (() => {
  const SHOWN = 200;
  const state = new Map();

  const make = (tag, text, attributes = {}) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  const text = (value) => (value === null ? "" : typeof value === "number" ? String(+value.toPrecision(4)) : value);

  const compare = (one, other) => {
    if (one === null || other === null) return (one === null) - (other === null);
    return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
  };

  const draw = (name) => {
    const { columns, rows, body, count, filter, heads, order } = state.get(name);
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = rows.filter((row) => {
      const line = row.map(text).join(" ").toLowerCase();
      return words.every((word) => line.includes(word));
    });
    if (order.column !== null) wanted.sort((one, other) => order.sign * compare(one[order.column], other[order.column]));
    body.replaceChildren(...wanted.slice(0, SHOWN).map((row) => {
      const line = make("tr");
      line.append(...row.map((value) => make("td", text(value))));
      return line;
    }));
    count.textContent = wanted.length > SHOWN
      ? `the first ${SHOWN} of ${wanted.length} rows` : `${wanted.length} row${wanted.length === 1 ? "" : "s"}`;
    heads.forEach((head, place) => head.setAttribute("aria-sort",
      place !== order.column ? "none" : order.sign > 0 ? "ascending" : "descending"));
  };

  const showTable = (name, columns, values) => {
    const place = document.getElementById(`rows-${name}`);
    const table = make("table"), body = make("tbody"), line = make("tr"), head = make("thead");
    const count = make("span", "", { class: "count", role: "status" });
    const filter = make("input", undefined, { type: "search", id: `filter-${name}`, autocomplete: "off" });
    const label = make("label", "rows with ", { for: filter.id });
    const order = { column: null, sign: 1 };
    const heads = columns.map((column, index) => {
      const cell = make("th", undefined, { scope: "col", "aria-sort": "none" }), button = make("button", column, { type: "button" });
      button.addEventListener("click", () => {
        order.sign = order.column === index ? -order.sign : 1;
        order.column = index;
        draw(name);
      });
      cell.append(button);
      return cell;
    });
    line.append(...heads);
    head.append(line);
    table.append(head, body);
    const bar = make("div", undefined, { class: "controls" });
    bar.append(label, filter, count);
    place.before(bar);
    place.replaceChildren(table);
    state.set(name, { columns, rows: values, body, count, filter, heads, order });
    filter.addEventListener("input", () => draw(name));
    draw(name);
  };

  // Rows and programs are scripts beside the page, loaded once.
  const tables = new Map(), scripts = new Map();
  const rows = (name, columns, values) => tables.set(name, { columns, rows: values });
  const script = (file) => {
    if (!scripts.has(file)) scripts.set(file, new Promise((resolve, reject) => {
      const node = make("script", undefined, { src: `files/${file}` });
      node.addEventListener("load", resolve);
      node.addEventListener("error", () => reject(new Error(`The file files/${file} is missing beside this page.`)));
      document.head.append(node);
    }));
    return scripts.get(file);
  };
  const load = async (name) => {
    await script(`${name}.js`);
    return tables.get(name);
  };

  const openTable = async (name) => {
    const { columns, rows: values } = await load(name);
    showTable(name, columns, values);
  };
  const openChart = async (name) => {
    await script("vega.js"); // the others need it
    await Promise.all(["vega-lite.js", "vega-interpreter.js", "looks.js", "charts.js"].map(script));
    const place = document.getElementById(`chart-${name}`);
    CHARTS.open(place, await load(name), place.getAttribute("aria-label"), TALK.charts[name] || {});
  };

  document.addEventListener("toggle", (event) => {
    const details = event.target, { rows: table, chart, loaded } = details.dataset;
    if (!details.open || loaded || !(table || chart)) return;
    details.dataset.loaded = "yes";
    (table ? openTable(table) : openChart(chart)).catch((error) => {
      document.getElementById(table ? `rows-${table}` : `chart-${chart}`).textContent = error.message;
    });
  }, true);

  return { rows, looks: {}, charts: {} };
})();
