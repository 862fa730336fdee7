"use strict";
(() => {
  const root = document.documentElement;

  // The theme: that of the system, until the button or the address (#dark, #light) says otherwise.
  const button = document.getElementById("theme");
  const dark = () => {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const show = () => {
    button.textContent = dark() ? "Light theme" : "Dark theme";
  };
  const fromAddress = () => {
    const name = location.hash.slice(1);
    if (name === "dark" || name === "light") root.dataset.theme = name;
    show();
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    show();
  });
  addEventListener("hashchange", fromAddress);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  fromAddress();

  // The data as a file.
  for (const download of document.querySelectorAll(".download")) {
    download.hidden = false;
    download.addEventListener("click", () => {
      const text = document.getElementById(download.dataset.for).textContent.trim() + "\n";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
      link.download = download.dataset.name;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

  // Timelines: what is under the pointer, or where the arrow keys have gone.
  const phases = ["connect", "write", "in flight", "think", "ack", "close"];
  const time = (us) => {
    if (us < 1000) return `${+us.toPrecision(3)} µs`;
    if (us < 1e6) return `${+(us / 1e3).toPrecision(4)} ms`;
    return `${+(us / 1e6).toPrecision(4)} s`;
  };
  const tell = (span) => {
    const start = +span.dataset.s, length = +span.dataset.d;
    return `Connection ${span.parentNode.dataset.c}, ${phases[+span.getAttribute("class")[1]]}: ` +
      `from ${time(start)} to ${time(start + length)}, ${time(length)} long`;
  };
  for (const timeline of document.querySelectorAll(".timeline")) {
    const box = timeline.querySelector(".lanes");
    const readout = timeline.querySelector(".readout");
    const lanes = [...box.querySelectorAll("g[data-c]")].map((lane) => [...lane.children]);
    const initial = readout.textContent;
    let lane = 0, step = -1, current = null;
    const choose = (span) => {
      if (current) current.classList.remove("on");
      current = span;
      if (span) span.classList.add("on");
      readout.textContent = span ? tell(span) : initial;
    };
    box.addEventListener("pointermove", (event) => {
      const span = event.target.closest("rect[data-s]");
      if (span !== current) choose(span);
    });
    box.addEventListener("pointerleave", () => choose(null));
    box.addEventListener("blur", () => choose(null));
    box.addEventListener("keydown", (event) => {
      const moves = {ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0]};
      const move = moves[event.key];
      if (!move || !lanes.length) return;
      event.preventDefault();
      lane = Math.min(Math.max(lane + move[0], 0), lanes.length - 1);
      step = Math.min(Math.max(step + move[1], 0), lanes[lane].length - 1);
      choose(lanes[lane][step]);
    });
  }
})();
