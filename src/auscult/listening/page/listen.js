"use strict";
// The listening page. files/index.js calls LISTEN.open(…) with the list of utterances; each utterance is a script of its
// own that calls LISTEN.add(…) when it is first chosen. Labels only ever become text.
const LISTEN = (() => {
  const PX_PER_S = 300, SPELT_PX_PER_S = 480, ROW = 15, SPELT_ROW = 24, ATTRIBUTION_ROW = 20, TONE_ROW = 20, F0_HEIGHT = 96, NOTE = 22, FADE_S = 0.005;
  const TIERS = ["word", "syllable", "phone"];
  const get = (id) => document.getElementById(id);
  const cache = new Map();
  let index = { sets: [], utterances: [] };
  let shown = null; // the utterance, its set and its decoded samples
  let context = null, source = null, began = 0, from = 0, to = 0, speed = 1, place = 0;
  let layer = "", run = 0, method = "", explained = 0, explainer = "", kept = 1;
  let seen = {}; // what was drawn last for the cursor: nothing is redrawn unless it changes

  const make = (tag, text, attributes = {}) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const percent = (p) => (p >= 100 ? "1" : `.${String(p).padStart(2, "0")}`);
  const NAMES = {
    input_x_gradient: "input × gradient", integrated_gradients: "int. gradients", integrated_gradients_noise: "int. grad., noise",
  };
  const named = (method) => NAMES[method] || method.replaceAll("_", " ");
  const fraction = (value) => value.toFixed(2).replace(/^(-?)0\./, "$1.");
  const probability = (p) => (p > 0.995 ? "> .99" : p < 0.005 ? "< .01" : fraction(p));
  const seconds = (samples) => samples / shown.data.rate;

  const run_of = () => shown.set.runs[run];
  const lanes_of = () => shown.data.runs[run_of().key];
  const words = () => shown.data.tiers.word;
  const at = (segments, samples) => segments.findIndex(([, onset, offset]) => onset <= samples && samples < offset);
  const frame_at = (samples, n) => Math.max(0, Math.min(n - 1, Math.round((samples - run_of().first) / run_of().hop)));
  const time_of = (frame) => (run_of().first + run_of().hop * frame) / shown.data.samples;

  // --- sound ---

  const decode = (data) => {
    const bytes = Uint8Array.from(atob(data.audio), (letter) => letter.charCodeAt(0));
    return new OfflineAudioContext(1, 1, data.rate).decodeAudioData(bytes.buffer);
  };

  const position = () => {
    if (!source) return place;
    const heard = Math.max(0, context.currentTime - began - (context.outputLatency || 0));
    return Math.min(from + heard * speed * shown.data.rate, to);
  };

  const stop = () => {
    if (!source) return;
    place = position();
    source.onended = null;
    source.stop();
    source = null;
    get("play").textContent = "▶ Play";
    tick();
  };

  // Play from one sample to another; `silent` lists spans of samples that are silenced.
  const play = (onset, offset, silent = []) => {
    stop();
    context = context || new AudioContext({ sampleRate: shown.data.rate });
    let samples = shown.buffer.getChannelData(0);
    if (silent.length) samples = silenced(samples, silent);
    if (speed < 1) samples = stretched(samples, speed);
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: shown.data.rate });
    buffer.copyToChannel(samples, 0);
    const one = context.createBufferSource();
    one.buffer = buffer;
    one.connect(context.destination);
    one.onended = () => {
      if (source !== one) return;
      source = null;
      place = to;
      get("play").textContent = "▶ Play";
      tick();
    };
    [from, to, place] = [onset, offset, onset];
    const begin = () => {
      if (source !== one) return;
      began = context.currentTime;
      one.start(0, onset / shown.data.rate / speed, (offset - onset) / shown.data.rate / speed);
    };
    began = Infinity;
    source = one;
    get("play").textContent = "❚❚ Pause";
    if (context.state === "running") begin(); else context.resume().then(begin);
    requestAnimationFrame(follow);
  };

  const silenced = (samples, spans) => {
    const copy = samples.slice(), fade = Math.round(FADE_S * shown.data.rate);
    for (const [onset, offset] of spans) {
      copy.fill(0, onset, offset);
      for (let i = 1; i <= fade; i++) {
        if (onset - i >= 0) copy[onset - i] *= i / fade;
        if (offset + i - 1 < copy.length) copy[offset + i - 1] *= i / fade;
      }
    }
    return copy;
  };

  // Return samples that last 1 / speed as long at the same pitch: windows overlap where they match the sound before best
  // (WSOLA; Verhelst and Roelands, 1993).
  const stretched = (samples, slower) => {
    const hop = Math.round(0.0125 * shown.data.rate), size = 2 * hop, reach = hop;
    const found = new Float32Array(Math.ceil(samples.length / slower) + size);
    const fade = Float32Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * (i + 0.5) / size));
    let natural = 0; // where the window before would go on
    for (let at = 0; at < found.length - size; at += hop) {
      const wanted = Math.round(at * slower);
      let best = wanted, most = -Infinity;
      for (let start = Math.max(0, wanted - reach); at && start <= wanted + reach; start += 2) {
        let match = 0;
        for (let i = 0; i < hop; i += 2) match += (samples[start + i] ?? 0) * (samples[natural + i] ?? 0);
        if (match > most) [best, most] = [start, match];
      }
      for (let i = 0; i < size; i++) found[at + i] += fade[i] * (samples[best + i] ?? 0);
      natural = best + hop;
    }
    return found.subarray(0, Math.ceil(samples.length / slower));
  };

  const follow = () => {
    tick();
    if (source) requestAnimationFrame(follow);
  };

  const toggle = () => {
    if (source) return stop();
    play(place >= shown.data.samples - 1 ? 0 : place, shown.data.samples);
  };

  const without = () => {
    const word = at(words(), place);
    if (word >= 0) play(0, shown.data.samples, [words()[word].slice(1)]);
  };

  const most = () => {
    const chosen = attribution_rows().find((row) => row.method === explainer);
    if (!chosen) return;
    const order = chosen.scores.map((score, word) => [score === null ? -1 : Math.abs(score), word]).sort((a, b) => b[0] - a[0]);
    const audible = new Set(order.slice(0, kept).map(([, word]) => word));
    const spans = [];
    let silent = 0;
    words().forEach(([, onset, offset], word) => {
      if (!audible.has(word)) return;
      if (onset > silent) spans.push([silent, onset]);
      silent = offset;
    });
    if (silent < shown.data.samples) spans.push([silent, shown.data.samples]);
    play(0, shown.data.samples, spans);
  };

  // --- lanes ---

  const lane = (name, height, rows) => {
    const label = make("div"), track = make("div", undefined, { class: "lane" });
    if (rows) {
      label.className = "rows";
      label.append(...rows.map((row) => {
        const line = make("span", row.text);
        line.style.height = `${row.height}px`;
        if (row.layer) line.dataset.layer = row.layer;
        if (row.method) line.dataset.method = row.method;
        return line;
      }));
      if (rows[0].layer) rows.forEach((row, i) => {
        const line = make("div", undefined, { class: "row-line" });
        line.style.top = `${i * row.height}px`;
        line.style.height = `${row.height}px`;
        line.dataset.layer = row.layer;
        track.append(line);
      });
    } else label.textContent = name;
    for (const node of [label, track]) node.style.height = `${height}px`;
    get("names").append(label);
    get("tracks").append(track);
    return track;
  };

  const canvas = (track, height, name) => {
    const node = make("canvas", undefined, { role: "img", "aria-label": name }), scale = Math.min(2, window.devicePixelRatio || 1);
    node.width = Math.min(16000, Math.round(shown.width * scale));
    node.height = Math.round(height * scale);
    track.prepend(node);
    const pen = node.getContext("2d");
    pen.scale(node.width / shown.width, scale);
    return pen;
  };

  const draw_wave = () => {
    const height = 64, pen = canvas(lane("waveform", height), height, "Waveform"), samples = shown.buffer.getChannelData(0);
    const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6), step = samples.length / shown.width;
    pen.fillStyle = colour("--wave");
    for (let x = 0; x < shown.width; x++) {
      let low = 0, high = 0;
      for (let i = Math.floor(x * step); i < (x + 1) * step && i < samples.length; i++) {
        low = Math.min(low, samples[i]);
        high = Math.max(high, samples[i]);
      }
      pen.fillRect(x, height / 2 * (1 - high / peak), 1, Math.max(1, height / 2 * (high - low) / peak));
    }
  };

  const draw_spectrogram = () => {
    const picture = make("img", undefined, { alt: "Spectrogram", draggable: "false" });
    picture.src = `data:image/png;base64,${shown.data.spectrogram}`;
    lane(`spectrogram, to ${shown.data.rate / 2000} kHz`, 128).append(picture);
  };

  // A line of F0 on a logarithmic axis that spans an octave or more; nothing is drawn where the voice is silent.
  const draw_f0 = () => {
    const { first, hop, hz } = shown.data.f0, voiced = hz.filter(Boolean);
    const track = lane("F0 in Hz, log", F0_HEIGHT);
    if (!voiced.length) {
      track.append(make("span", "no voiced frame", { class: "soft note" }));
      return;
    }
    const sorted = [...voiced].sort((a, b) => a - b), median = sorted[Math.floor(sorted.length / 2)];
    const low = Math.min(sorted[0] * 0.94, median / Math.SQRT2), high = Math.max(sorted.at(-1) * 1.06, median * Math.SQRT2);
    const height_of = (f) => F0_HEIGHT * (1 - Math.log(f / low) / Math.log(high / low));
    const share = Math.round(100 * voiced.length / hz.length);
    const pen = canvas(track, F0_HEIGHT,
      `F0: median ${median} Hz, from ${sorted[0]} to ${sorted.at(-1)} Hz, ${share} % of frames voiced; below the lanes is its value at the cursor`);
    const label = get("names").lastChild;
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    for (const line of [75, 100, 150, 200, 300, 400, 600].filter((f) => f > low && f < high)) {
      pen.beginPath();
      pen.moveTo(0, height_of(line));
      pen.lineTo(shown.width, height_of(line));
      pen.stroke();
      const tick = make("span", String(line), { class: "tick" });
      tick.style.top = `${height_of(line)}px`;
      label.append(tick);
    }
    pen.strokeStyle = pen.fillStyle = colour("--link");
    pen.lineWidth = 2;
    const x_of = (frame) => (first + hop * frame) / shown.data.samples * shown.width;
    pen.beginPath();
    hz.forEach((f, frame) => {
      if (!f) return;
      if (hz[frame - 1]) pen.lineTo(x_of(frame), height_of(f)); else pen.moveTo(x_of(frame), height_of(f));
      if (!hz[frame - 1] && !hz[frame + 1]) pen.fillRect(x_of(frame) - 1, height_of(f) - 1, 2, 2);
    });
    pen.stroke();
  };

  const f0_at = (samples) => {
    const { first, hop, hz } = shown.data.f0, f = hz[Math.max(0, Math.min(hz.length - 1, Math.round((samples - first) / hop)))];
    return f ? `F0 ${f} Hz` : "unvoiced";
  };

  const draw_tier = (tier) => {
    const segments = shown.data.tiers[tier];
    if (!segments.length) return;
    const track = lane(`${tier}s`, tier === "word" ? 32 : 28);
    track.setAttribute("role", "group");
    track.setAttribute("aria-label", `${tier}s`);
    track.append(...segments.map(([label, onset, offset], i) => {
      const button = make("button", label, { type: "button", class: "segment", tabindex: i ? "-1" : "0" });
      button.setAttribute("aria-label", `${tier} ${label}, ${fraction(seconds(onset))} to ${fraction(seconds(offset))} s`);
      button.style.left = `${100 * onset / shown.data.samples}%`;
      button.style.width = `${100 * (offset - onset) / shown.data.samples}%`;
      button.dataset.tier = tier;
      button.addEventListener("click", () => play(onset, offset));
      return button;
    }));
  };

  const draw_probe = () => {
    const probe = lanes_of().probe, layers = run_of().layers;
    if (!probe) return;
    lane("probe", NOTE).append(make("span", `${run_of().label}: probability of the true phone, in an unseen voice`, { class: "soft note" }));
    const height = ROW * layers.length;
    const rows = layers.map((name) => ({ text: name, layer: name, height: ROW }));
    const pen = canvas(lane("", height, rows), height, "Probability of the true phone by layer and frame; the table below has the values at the cursor"), heat = colour("--heat");
    probe.true.forEach((row, i) => row.forEach((p, frame) => {
      const left = (time_of(frame) - run_of().hop / shown.data.samples / 2) * shown.width;
      pen.fillStyle = `rgba(${heat}, ${p / 100})`;
      pen.fillRect(left, i * ROW + 1, run_of().hop / shown.data.samples * shown.width + 0.5, ROW - 2);
    }));
  };

  // The tone heard in each syllable by each layer, underlined where it is the true one.
  const draw_tone = () => {
    const heard = lanes_of().tone, layers = run_of().layers;
    if (!heard) return;
    const { classes } = run_of().tone;
    lane("tone", NOTE).append(make("span", `${run_of().label}: tone heard in each syllable, in an unseen voice; underlined where right`, { class: "soft note" }));
    const track = lane("", TONE_ROW * layers.length, layers.map((name) => ({ text: name, layer: name, height: TONE_ROW })));
    track.setAttribute("role", "img");
    track.setAttribute("aria-label", "Tone heard in each syllable by layer; the table below has the probabilities at the cursor");
    heard.p.forEach((row, i) => row.forEach((p, place) => {
      const [, onset, offset] = heard.syllables[place], truth = heard.truth[place], best = p.indexOf(Math.max(...p));
      const cell = make("span", undefined, { class: "cell" });
      cell.append(make("span", classes[best], best === truth ? { class: "true" } : {}));
      cell.style.left = `${100 * onset / shown.data.samples}%`;
      cell.style.width = `${100 * (offset - onset) / shown.data.samples}%`;
      cell.style.top = `${i * TONE_ROW}px`;
      cell.style.height = `${TONE_ROW}px`;
      cell.style.background = `rgba(var(--heat), ${0.5 * p[truth] / 100})`;
      track.append(cell);
    }));
  };

  const draw_spelling = () => {
    const spelling = lanes_of().spelling;
    if (!spelling) return;
    const layers = Object.keys(spelling.layers);
    lane("spelling", NOTE).append(make("span", `${run_of().label}: its head on each layer; faint where unsure`, { class: "soft note" }));
    const track = lane("", SPELT_ROW * layers.length, layers.map((name) => ({ text: name, layer: name, height: SPELT_ROW })));
    layers.forEach((name, i) => track.append(...spelling.layers[name].letters.map(([letter, first, end, p]) => {
      const node = make("span", letter === " " ? "␣" : letter, { class: "letter" });
      node.style.left = `${100 * (time_of(first) + time_of(end - 1)) / 2}%`;
      node.style.top = `${i * SPELT_ROW + 4}px`;
      node.style.opacity = String(0.5 + 0.5 * p / 100);
      return node;
    })));
  };

  const outputs = () => {
    const found = [];
    for (const row of lanes_of().attribution || []) {
      if (!found.some((one) => one.form === row.form && one.input === row.input)) found.push(row);
    }
    return found;
  };
  const attribution_rows = () => {
    const output = outputs()[explained];
    return output ? lanes_of().attribution.filter((row) => row.form === output.form && row.input === output.input) : [];
  };

  const draw_attribution = () => {
    const rows = attribution_rows();
    if (!rows.length) return;
    const output = outputs()[explained];
    lane("attribution", NOTE).append(make("span",
      `${run_of().label}: evidence of each word for spelling “${output.target}” in its own number`, { class: "soft note" }));
    const names = rows.map((row) => ({ text: named(row.method), height: ATTRIBUTION_ROW, method: row.method }));
    const track = lane("", ATTRIBUTION_ROW * rows.length, names);
    rows.forEach((row, i) => {
      const largest = Math.max(...row.scores.map((score) => Math.abs(score ?? 0))) || 1;
      row.scores.forEach((score, word) => {
        const [label, onset, offset] = words()[word];
        const share = (score ?? 0) / largest, cell = make("span", score === null ? "–" : `${share > 0 ? "+" : share < 0 ? "−" : ""}${fraction(Math.abs(share))}`, { class: "cell" });
        cell.title = score === null ? `${label}: the explained word` : `${label}: ${score}`;
        cell.style.left = `${100 * onset / shown.data.samples}%`;
        cell.style.width = `${100 * (offset - onset) / shown.data.samples}%`;
        cell.style.top = `${i * ATTRIBUTION_ROW}px`;
        cell.style.height = `${ATTRIBUTION_ROW}px`;
        cell.style.background = `rgba(var(${share < 0 ? "--against" : "--heat"}), ${0.45 * Math.abs(share)})`;
        track.append(cell);
      });
    });
  };

  // --- panels ---

  const panel = (title) => {
    const node = make("section", undefined, { class: "panel" });
    node.append(make("h3", title));
    get("panels").append(node);
    return node;
  };
  const row_of = (cells, tag = "td") => {
    const line = make("tr");
    line.append(...cells.map((cell, i) => (i ? make(tag, cell, tag === "th" ? { scope: "col" } : {}) : make("th", cell, { scope: tag === "th" ? "col" : "row" }))));
    return line;
  };
  const table = (node, heads, kind) => {
    const wide = make("div", undefined, { class: "wide" }), found = make("table", undefined, { class: kind });
    const head = make("thead"), body = make("tbody");
    if (heads) head.append(row_of(heads, "th"));
    found.append(head, body);
    wide.append(found);
    node.append(wide);
    return body;
  };

  const draw_heard = () => {
    if (!lanes_of().probe) return;
    const node = panel("Heard at the cursor");
    node.append(make("p", "", { id: "truth", class: "soft" }));
    const body = table(node, ["layer", "first", "second", "third", "accuracy"], "heard");
    run_of().layers.forEach((name, i) => {
      const line = row_of([name, "", "", "", fraction(run_of().accuracy[i])]);
      line.dataset.layer = name;
      body.append(line);
    });
    node.append(make("p",
      `Accuracy: share of frames within phones, in unseen voices. Always answering the most frequent phone: ${fraction(run_of().chance)}.`,
      { class: "soft" }));
  };

  const fill_heard = (frame) => {
    const probe = lanes_of().probe, classes = run_of().classes, truth = probe.truth[frame];
    get("truth").textContent = `true phone: ${classes[truth]}`;
    document.querySelectorAll(".heard tbody tr").forEach((line, i) => {
      probe.top[i][frame].forEach((one, rank) => {
        const cell = line.children[rank + 1];
        cell.replaceChildren(make("span", classes[one], one === truth ? { class: "true" } : {}),
          make("span", percent(probe.p[i][frame][rank]), { class: "p" }));
      });
    });
  };

  const draw_tones = () => {
    if (!lanes_of().tone) return;
    const { classes, accuracy, chance } = run_of().tone, node = panel("Tone at the cursor");
    node.append(make("p", "", { id: "tone", class: "soft" }));
    const body = table(node, ["layer", ...classes.map((one) => `tone ${one}`), "accuracy"], "tones");
    run_of().layers.forEach((name, i) => {
      const line = row_of([name, ...classes.map(() => ""), fraction(accuracy[i])]);
      line.dataset.layer = name;
      body.append(line);
    });
    node.append(make("p",
      `Accuracy: share of syllables, in unseen voices. Always answering the most frequent tone: ${fraction(chance)}.`, { class: "soft" }));
  };

  const fill_tones = (place) => {
    const heard = lanes_of().tone, { classes } = run_of().tone, truth = place < 0 ? -1 : heard.truth[place];
    get("tone").textContent = place < 0 ? "no syllable with a tone" : `${heard.syllables[place][0]}, true tone: ${classes[truth]}`;
    document.querySelectorAll(".tones tbody tr").forEach((line, i) => classes.forEach((_, k) => {
      const text = place < 0 ? "" : percent(heard.p[i][place][k]);
      line.children[k + 1].replaceChildren(make("span", text, k === truth ? { class: "true" } : {}));
    }));
  };

  const draw_spelt = () => {
    const spelling = lanes_of().spelling;
    if (!spelling) return;
    const node = panel("Spelt by each layer"), body = table(node, ["layer", "transcript"], "spelt");
    for (const [name, { text }] of Object.entries(spelling.layers)) {
      const line = row_of([name, text || "(nothing)"]);
      line.dataset.layer = name;
      body.append(line);
    }
    const list = make("ul", undefined, { class: "verdicts" });
    list.append(...spelling.targets.map((target) => {
      const cue = words()[target.cue], p = target.p === null ? "" : `; probability ${probability(target.p)} against “${target.other}”`;
      return make("li", `“${target.word}” (${target.number}, audible only in “${cue ? cue[0] : "?"}”): ${
        target.written ? `written “${target.written}”` : "not written"}, ${
        { right: "right number", wrong: "wrong number", neither: "number not recognisable", exact: "exact", misspelt: "misspelt" }[target.verdict]}${p}`);
    }));
    node.append(list);
  };

  const draw_mixing = () => {
    const mixing = lanes_of().mixing;
    if (!mixing) return;
    const node = panel("Mixing of words"), choice = make("select", undefined, { id: "method" }), label = make("label", "method ");
    choice.append(...Object.keys(mixing).map((name) => make("option", named(name), { value: name })));
    if (!(method in mixing)) method = Object.keys(mixing).at(-1);
    choice.value = method;
    choice.addEventListener("change", () => {
      method = choice.value;
      fill_mixing();
    });
    label.append(choice);
    node.append(label, make("p", "", { id: "said", class: "said" }));
    table(node, null, "matrix");
    fill_mixing();
  };

  const fill_mixing = () => {
    const of_layers = lanes_of().mixing[method], name = layer in of_layers ? layer : "";
    const matrix = of_layers[name], body = document.querySelector(".matrix tbody"), head = document.querySelector(".matrix thead");
    seen.mixed = name;
    seen.word = undefined;
    head.replaceChildren(row_of(["word", ...words().map(([label]) => label)], "th"));
    body.replaceChildren(...(matrix || []).map((row, i) => {
      const line = row_of([words()[i][0], ...row.map((value) => fraction(value / 1000))]);
      row.forEach((value, j) => { line.children[j + 1].style.background = `rgba(var(--heat), ${0.5 * value / 1000})`; });
      return line;
    }));
    if (!matrix) head.replaceChildren();
    update();
  };

  const say_mixing = (word) => {
    document.querySelectorAll(".matrix tbody tr").forEach((line, i) => line.classList.toggle("now", i === word));
    const matrix = lanes_of().mixing[method][layer], said = get("said");
    if (!matrix) said.textContent = `Mixing is measured in the transformer layers (T1 and above), not in ${layer}.`;
    else if (word < 0) said.textContent = "No word under the cursor.";
    else {
      const others = matrix[word].map((value, i) => [value, i]).filter(([, i]) => i !== word).sort((a, b) => b[0] - a[0]);
      const most_of = others.slice(0, 2).map(([value, i]) => `“${words()[i][0]}” ${fraction(value / 1000)}`).join(", then ");
      said.textContent = `${layer}, ${named(method)}: “${words()[word][0]}” takes ${
        fraction(matrix[word][word] / 1000)} from itself${most_of ? `; of the others, most from ${most_of}` : ""}.`;
    }
  };

  // --- the moment under the cursor ---

  const tick = () => {
    if (!shown) return;
    const now = position(), x = now / shown.data.samples * shown.width;
    if (source) place = now;
    get("cursor").style.transform = `translateX(${x}px)`;
    const scroll = get("scroll");
    if (source && (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth - 30)) scroll.scrollLeft = x - 30;
    update();
  };

  const update = () => {
    for (const tier of TIERS) {
      const now = at(shown.data.tiers[tier], place);
      if (seen[tier] === now) continue;
      seen[tier] = now;
      document.querySelectorAll(`.segment[data-tier=${tier}]`).forEach((node, i) => node.classList.toggle("now", i === now));
      if (tier === "word" && lanes_of().mixing) say_mixing(now);
      if (tier === "word") {
        get("without").disabled = now < 0;
        get("without").textContent = now < 0 ? "Play without a word" : `Play without “${words()[now][0]}”`;
      }
    }
    const probe = lanes_of().probe;
    if (probe) {
      const frame = frame_at(place, probe.truth.length);
      if (seen.frame !== frame) fill_heard(seen.frame = frame);
    }
    const toned = lanes_of().tone;
    if (toned) {
      const syllable = at(toned.syllables, place);
      if (seen.toned !== syllable) fill_tones(seen.toned = syllable);
    }
    const time = `${seconds(place).toFixed(2)} of ${seconds(shown.data.samples).toFixed(2)} s · ${f0_at(place)}`;
    if (seen.time !== time) get("time").textContent = seen.time = time;
  };

  const choose_layer = (name) => {
    layer = name;
    const layers = run_of().layers;
    get("layer").max = String(layers.length - 1);
    get("layer").value = String(layers.indexOf(layer));
    get("layer").setAttribute("aria-valuetext", layer);
    get("layer-name").textContent = layer;
    document.querySelectorAll("[data-layer]").forEach((node) => node.classList.toggle("chosen", node.dataset.layer === layer));
    if (lanes_of().mixing && seen.mixed !== layer) fill_mixing();
  };

  const step_layer = (by) => {
    const layers = run_of().layers, wanted = layers.indexOf(layer) + by;
    if (layers[wanted]) choose_layer(layers[wanted]);
  };

  // --- drawing of an utterance ---

  const draw = () => {
    const { data } = shown;
    seen = {};
    explained = Math.min(explained, Math.max(0, outputs().length - 1));
    get("names").replaceChildren();
    get("tracks").replaceChildren(get("cursor"));
    get("panels").replaceChildren();
    shown.width = Math.max(get("scroll").clientWidth, Math.round((lanes_of().spelling ? SPELT_PX_PER_S : PX_PER_S) * seconds(data.samples)));
    get("tracks").style.width = `${shown.width}px`;
    draw_wave();
    draw_spectrogram();
    draw_f0();
    TIERS.forEach(draw_tier);
    draw_probe();
    draw_tone();
    draw_spelling();
    draw_attribution();
    draw_heard();
    draw_tones();
    draw_spelt();
    draw_mixing();
    draw_controls();
    choose_layer(run_of().layers.includes(layer) ? layer : run_of().layers[run_of().best ?? run_of().layers.length - 1]);
    tick();
  };

  const draw_controls = () => {
    const { set } = shown;
    get("runs").replaceChildren(make("legend", "model"), ...set.runs.map((one, i) => {
      const label = make("label"), radio = make("input", undefined, { type: "radio", name: "run", value: String(i) });
      radio.checked = i === run;
      radio.addEventListener("change", () => choose_run(i));
      label.append(radio, ` ${one.label}`);
      return label;
    }));
    const rows = attribution_rows();
    get("most-control").hidden = !rows.length;
    if (!rows.length) return;
    if (!rows.some((row) => row.method === explainer)) explainer = rows.at(-1).method;
    const scored = rows[0].scores.filter((score) => score !== null).length;
    kept = Math.min(kept, scored);
    options("kept", Array.from({ length: scored }, (_, i) => [i + 1, i ? `${i + 1} words` : "1 word"]), kept);
    options("explainer", rows.map((row) => [row.method, named(row.method)]), explainer);
    options("output", outputs().map((one, i) => [i, `“${one.target}”, input ${one.input}`]), explained);
    mark_explainer();
  };

  const options = (id, entries, chosen) => {
    get(id).replaceChildren(...entries.map(([value, text]) => make("option", text, { value: String(value) })));
    get(id).value = String(chosen);
  };

  const mark_explainer = () => {
    document.querySelectorAll("[data-method]").forEach((node) => node.classList.toggle("chosen", node.dataset.method === explainer));
  };

  const choose_run = (wanted) => {
    const focused = document.activeElement && document.activeElement.name === "run";
    run = wanted;
    draw();
    if (focused) get("runs").querySelectorAll("input")[run].focus();
  };

  const show = async (data) => {
    const entry = index.utterances.find((one) => one.file === data.file);
    const set = index.sets.find((one) => one.corpus === entry.corpus);
    stop();
    const buffer = await decode(data);
    if (shown === null || shown.set !== set) [run, layer] = [set.runs.length - 1, ""];
    explained = 0;
    shown = { data, set, buffer };
    place = 0;
    get("text").textContent = data.text || data.id;
    get("about").textContent = [data.id, `speaker ${data.speaker}`, data.gender, `${data.seconds} s`, set.speech].filter(Boolean).join(" · ");
    get("notes").replaceChildren(...(set.notes || []).map((note) => make("li", note)));
    get("notes").hidden = !(set.notes || []).length;
    get("status").textContent = "";
    document.querySelectorAll("#sets button").forEach((node) => {
      if (node.dataset.file === data.file) node.setAttribute("aria-current", "true"); else node.removeAttribute("aria-current");
    });
    history.replaceState(null, "", `#${encodeURIComponent(data.id)}`);
    draw();
  };

  const choose = (file) => {
    if (cache.has(file)) return show(cache.get(file));
    const script = make("script", undefined, { src: `files/${file}` });
    script.addEventListener("error", () => { get("status").textContent = `The file files/${file} is missing beside this page.`; });
    document.head.append(script);
    return undefined;
  };

  const step_utterance = (by) => {
    const places = index.utterances.map((one) => one.file), wanted = places[places.indexOf(shown.data.file) + by];
    if (wanted) choose(wanted);
  };

  const add = (data) => {
    cache.set(data.file, data);
    return show(data);
  };

  const open = (found) => {
    index = found;
    for (const set of index.sets) {
      const speech = set.speech ? ` (${set.speech})` : "";
      get("sets").append(make("h2", `${set.corpus}${speech}`));
      for (const [rule, sentence] of Object.entries(set.rules)) {
        const list = make("ol");
        list.append(...index.utterances.filter((one) => one.corpus === set.corpus && one.rule === rule).map((one) => {
          const item = make("li"), button = make("button", one.text || one.id, { type: "button" });
          if (one.score !== null) button.append(" ", make("span", probability(one.score), { class: "score" }));
          button.dataset.file = one.file;
          button.addEventListener("click", () => choose(one.file));
          item.append(button);
          return item;
        }));
        get("sets").append(make("p", `${sentence}:`), list);
      }
      if (set.measure) get("sets").append(make("p", `Beside each: ${set.measure}.`));
    }
    if (matchMedia("(max-width: 60rem)").matches) get("list").open = false;
    const named = index.utterances.find((one) => `#${encodeURIComponent(one.id)}` === location.hash);
    choose((named || index.utterances[0]).file);
  };

  // --- controls ---

  get("play").addEventListener("click", toggle);
  get("without").addEventListener("click", without);
  get("most").addEventListener("click", most);
  get("kept").addEventListener("change", () => { kept = Number(get("kept").value); });
  get("explainer").addEventListener("change", () => {
    explainer = get("explainer").value;
    mark_explainer();
  });
  get("output").addEventListener("change", () => {
    explained = Number(get("output").value);
    draw();
    get("output").focus();
  });
  get("speed").addEventListener("change", () => {
    const wanted = Number(get("speed").value), playing = source, end = to;
    stop();
    speed = wanted;
    if (playing) play(place, end);
  });
  get("layer").addEventListener("input", () => choose_layer(run_of().layers[Number(get("layer").value)]));

  const seek = (samples) => {
    stop();
    place = Math.max(0, Math.min(shown.data.samples - 1, samples));
    tick();
  };

  get("tracks").addEventListener("click", (event) => {
    if (!shown || event.target.closest("button")) return;
    const box = get("tracks").getBoundingClientRect();
    seek((event.clientX - box.left) / box.width * shown.data.samples);
  });

  document.addEventListener("keydown", (event) => {
    if (!shown || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target, control = target.closest("select, input, textarea");
    if (target.classList.contains("segment") && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      const all = [...target.parentNode.querySelectorAll(".segment")], now = all.indexOf(target);
      const next = all[{ ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: all.length - 1 }[event.key]];
      if (next) {
        all.forEach((one) => { one.tabIndex = one === next ? 0 : -1; });
        next.focus();
      }
      event.preventDefault();
    } else if (target.id === "scroll" && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
      seek(place + (event.key === "ArrowLeft" ? -1 : 1) * run_of().hop);
      event.preventDefault();
    } else if (event.key === " " && !target.closest("button, select, summary, input[type=radio]")) {
      toggle();
      event.preventDefault();
    } else if (!control || target.type === "range" || target.type === "radio") {
      const action = {
        "[": () => step_layer(-1),
        "]": () => step_layer(1),
        m: () => choose_run((run + 1) % shown.set.runs.length),
        w: without,
        a: most,
        ",": () => step_utterance(-1),
        ".": () => step_utterance(1),
      }[event.key];
      if (action) action();
    }
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (shown) draw(); });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (!shown || innerWidth === width) return;
    width = innerWidth;
    draw();
  });

  // For tests, like `stretched`: where the cursor is, in samples, and what plays.
  const state = () => shown && {
    id: shown.data.id, place: position(), playing: Boolean(source && began < Infinity), from, to, layer, run: run_of().key,
    samples: shown.buffer.length, rate: shown.buffer.sampleRate,
  };

  return { open, add, state, stretched };
})();
