"""A page that needs nothing but itself: style, script, and the few pieces that a report is made of.

Its content security policy forbids every request, so that it reads the same from a folder, an
e-mail or a server, today and in ten years.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from .axes import FONT

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; media-src data:"
)
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f8; color: #2f3640; font-size: 15px; line-height: 1.5; }
main { max-width: 1136px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; font-weight: 650; margin: 0 0 2px; letter-spacing: -0.01em; }
h2 { font-size: 17px; font-weight: 650; margin: 0; }
p { margin: 4px 0 0; }
.quiet { color: #6b7480; font-size: 14px; }
section { background: #fff; border: 1px solid #e4e8ec; border-radius: 10px;
  padding: 18px 20px 20px; margin-top: 18px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr));
  gap: 10px 24px; margin: 16px 0 0; }
.facts dt { color: #6b7480; font-size: 12.5px; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.glance { display: flex; flex-wrap: wrap; gap: 20px; align-items: flex-start; }
.glance video { width: 480px; max-width: 100%; border-radius: 8px; background: #d9dde6; }
.glance .cards { flex: 1 1 300px; margin-top: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(164px, 1fr));
  gap: 12px; margin-top: 14px; }
.card { background: #f7f9fa; border: 1px solid #e9edf0; border-radius: 8px; padding: 10px 14px; }
.card b { display: block; font-size: 22px; white-space: nowrap; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.card span { color: #6b7480; font-size: 13px; display: block; line-height: 1.35; }
.key { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 14px; font-size: 14px; }
.key i { display: inline-block; width: 22px; margin-right: 7px; vertical-align: middle; }
.charts { display: flex; flex-wrap: wrap; gap: 8px 16px; margin-top: 10px; }
.chart { max-width: 100%; height: auto; display: block; overflow: visible; }
.chart rect[data-tip]:hover { fill-opacity: 1; }
table { border-collapse: collapse; margin-top: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 13px; color: #6b7480; }
th, td { padding: 4px 22px 4px 0; border-bottom: 1px solid #edf0f2; }
td.n, th.n { text-align: right; }
td:last-child, th:last-child { padding-right: 0; }
td:first-child { white-space: nowrap; }
.sortable th { cursor: pointer; user-select: none; }
.sortable th[aria-sort=ascending]::after { content: " \\25b2"; }
.sortable th[aria-sort=descending]::after { content: " \\25bc"; }
td { font-size: 14px; }
.wide { overflow-x: auto; }
.chips { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 12px; }
.chips i { font-style: normal; min-width: 30px; text-align: center; padding: 1px 6px;
  border-radius: 5px; font-size: 13px; font-variant-numeric: tabular-nums; }
details { margin-top: 12px; }
summary { cursor: pointer; color: #2a6f97; font-size: 14px; }
pre { background: #f7f9fa; border-radius: 8px; padding: 12px; overflow-x: auto;
  font-size: 12.5px; line-height: 1.45; }
#tip { position: fixed; pointer-events: none; background: #2f3640; color: #fff; font-size: 12.5px;
  line-height: 1.45; padding: 6px 10px; border-radius: 6px; opacity: 0; z-index: 9;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
#tip i { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 6px; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""
SCRIPT = """
(() => {
  const tip = document.getElementById('tip');
  const short = v => {
    for (const [size, letter] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
      if (Math.abs(v) >= size * 0.9995) return String(+(v / size).toPrecision(4)) + letter;
    return String(+v.toPrecision(3));
  };
  const show = (event, rows) => {
    tip.replaceChildren(...rows.map(([text, colour]) => {
      const row = document.createElement('div');
      if (colour) {
        const dot = document.createElement('i');
        dot.style.background = colour;
        row.append(dot);
      }
      row.append(text);
      return row;
    }));
    const box = tip.getBoundingClientRect();
    const left = event.clientX + 16 + box.width > innerWidth
      ? event.clientX - 16 - box.width : event.clientX + 16;
    tip.style.left = Math.max(4, left) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 8)) + 'px';
    tip.style.opacity = 1;
  };
  const draw = (svg, name, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    svg.append(element);
    return element;
  };
  const nearest = (line, x) => {
    let best = 0;
    line.points.forEach((point, i) => {
      const closer = Math.abs(point[0] - x) < Math.abs(line.points[best][0] - x);
      if (line.steps ? point[0] <= x : closer) best = i;
    });
    return best;
  };
  const value = (line, i) => line.below.length === line.points.length
    ? short(line.below[i]) + ' to ' + short(line.points[i][1]) : short(line.points[i][1]);
  for (const svg of document.querySelectorAll('svg[data-chart]')) {
    const chart = JSON.parse(svg.dataset.chart);
    const [left, top, right, bottom] = chart.box, [low, high] = chart.x;
    let marks = [];
    const clear = () => {
      marks.forEach(mark => mark.remove());
      marks = [];
      tip.style.opacity = 0;
    };
    svg.addEventListener('pointerleave', clear);
    svg.addEventListener('pointermove', event => {
      clear();
      const shown = svg.getBoundingClientRect();
      const column = (event.clientX - shown.left) * svg.viewBox.baseVal.width / shown.width;
      if (column < left || column > right || !chart.lines.length) return;
      const x = low + (column - left) / (right - left) * (high - low);
      const at = v => left + (v - low) / (high - low) * (right - left);
      const found = chart.lines.map(line => [line, nearest(line, x)]);
      const first = found[0][0].points[found[0][1]][0];
      const where = found[0][0].steps ? x : first;
      marks.push(draw(svg, 'line', { x1: at(where), x2: at(where), y1: top, y2: bottom,
        stroke: '#aab3bd', 'stroke-dasharray': '2 2' }));
      for (const [line, i] of found)
        marks.push(draw(svg, 'circle', { cx: line.steps ? at(where) : at(line.points[i][0]),
          cy: line.points[i][2], r: 3.5, fill: line.colour, stroke: '#fff' }));
      show(event, [[(chart.xLabel || 'x') + ' ' + short(where)],
        ...found.map(([line, i]) => [line.name + '  ' + value(line, i), line.colour])]);
    });
  }
  const size = cell => {
    const given = cell.dataset.sort ?? cell.textContent;
    const found = given.trim().match(/^[-+]?[0-9][0-9,]*\\.?[0-9]*(e[-+]?[0-9]+)?/i);
    return found ? Number(found[0].replaceAll(',', '')) : NaN;
  };
  const order = (a, b) => {
    const [x, y] = [size(a), size(b)];
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
    return isNaN(x) ? a.textContent.localeCompare(b.textContent) : x - y;
  };
  for (const head of document.querySelectorAll('table.sortable th')) {
    head.addEventListener('click', () => {
      const up = head.getAttribute('aria-sort') !== 'ascending';
      const row = head.parentElement, body = row.parentElement, at = head.cellIndex;
      for (const other of row.children) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const rows = [...body.rows].slice(1);
      rows.sort((a, b) => (up ? 1 : -1) * order(a.cells[at], b.cells[at]));
      body.append(...rows);
    });
  }
  for (const mark of document.querySelectorAll('[data-tip]')) {
    mark.addEventListener('pointermove', event => show(event, [[mark.dataset.tip]]));
    mark.addEventListener('pointerleave', () => { tip.style.opacity = 0; });
  }
})();
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n"
        f'<body style="font-family: {FONT}"><main>\n'
        + "\n".join(parts)
        + f'\n</main><div id="tip" role="status"></div>\n<script>{SCRIPT}</script></body></html>\n'
    )


def report(heading: str, about: str, head: Iterable[str], body: Iterable[str]) -> str:
    """A page under its heading and a line about it; parts that are empty are left out."""
    parts = [f"<header>{title(heading)}", note(about), *head, "</header>", *body]
    return page(f"{heading} - sleight", [part for part in parts if part])


def title(text: str) -> str:
    """The page's heading."""
    return f"<h1>{escape(text)}</h1>"


def section(title: str, parts: Iterable[str], about: str = "") -> str:
    """A titled box; `about` is a line of explanation."""
    said = f'<p class="quiet">{escape(about)}</p>' if about else ""
    return f"<section><h2>{escape(title)}</h2>{said}{''.join(parts)}</section>"


def note(text: str) -> str:
    """A quiet line."""
    return f'<p class="quiet">{escape(text)}</p>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Name and value, side by side."""
    rows = (f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in pairs)
    return f'<dl class="facts">{"".join(rows)}</dl>'


def cards(items: Iterable[tuple[str, str]]) -> str:
    """(number, what it is): large numbers."""
    boxes = (
        f'<div class="card"><b>{escape(n)}</b><span>{escape(w)}</span></div>' for n, w in items
    )
    return f'<div class="cards">{"".join(boxes)}</div>'


def key(items: Iterable[tuple[str, str, bool]]) -> str:
    """(name, colour, dashed): what the lines of a page's charts stand for."""
    marks = (
        f'<span><i style="border-top:3px {"dashed" if dashed else "solid"} {colour}"></i>'
        f"{escape(name)}</span>"
        for name, colour, dashed in items
    )
    return f'<div class="key">{"".join(marks)}</div>'


def charts(drawings: Iterable[str]) -> str:
    """SVG charts, as many beside each other as there is room for."""
    return f'<div class="charts">{"".join(drawings)}</div>'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0, sortable: bool = False
) -> str:
    """The last `numbers` columns are right-aligned; sortable: by a click on a column's head."""
    first = len(head) - numbers

    def cell(tag: str, i: int, word: str) -> str:
        if i < first:
            return f"<{tag}>{escape(word)}</{tag}>"
        # An interval, "0.71 [0.66, 0.75]", breaks before its bracket or not at all.
        return f'<{tag} class="n">{escape(word).replace(", ", ",&nbsp;")}</{tag}>'

    def cells(tag: str, words: Sequence[str]) -> str:
        return "".join(cell(tag, i, word) for i, word in enumerate(words))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    kind = ' class="sortable"' if sortable else ""
    return f'<div class="wide"><table{kind}><tr>{cells("th", head)}</tr>{body}</table></div>'


def chips(values: Sequence[int]) -> str:
    """Whole numbers as small boxes, the larger the darker."""
    top = max([*values, 1])
    boxes = (
        f'<i style="background:rgba(42,111,151,{0.06 + 0.34 * v / top:.2f})">{v}</i>'
        for v in values
    )
    return f'<div class="chips">{"".join(boxes)}</div>'


def folded(title: str, text: str) -> str:
    """Plain text that opens on a click."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def film(data: bytes, label: str) -> str:
    """An MP4, inside the page."""
    source = f"data:video/mp4;base64,{base64.b64encode(data).decode()}"
    return (
        f'<figure style="margin:0"><video controls muted loop playsinline preload="auto" '
        f'src="{source}" aria-label="{escape(label, quote=True)}"></video>'
        f'<figcaption class="quiet">{escape(label)}</figcaption></figure>'
    )


def picture(jpeg: bytes, label: str) -> str:
    """A photograph, inside the page."""
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return (
        f'<figure style="margin:0"><img style="max-width:260px; border-radius:6px" src="{source}" '
        f'alt="{escape(label, quote=True)}"><figcaption class="quiet">{escape(label)}</figcaption>'
        "</figure>"
    )
