# SPDX-License-Identifier: MIT
"""
Draws small line charts side by side as SVG, with a light or dark background as the reader prefers.
"""
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 270, 210            # of a chart, with its margins
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 46
COLUMNS = 3

STYLE = """
    :root { color-scheme: light dark; }
    text { font: 11px system-ui, sans-serif; fill: #52514e; }
    .title { font-size: 13px; font-weight: 600; fill: #0b0b0b; }
    .grid { stroke: #e1e0d9; }
    .back { fill: #fcfcfb; }
    .l0 { stroke: #2a78d6; fill: #2a78d6; }
    .l1 { stroke: #1baf7a; fill: #1baf7a; }
    .l2 { stroke: #eb6834; fill: #eb6834; }
    .l3 { stroke: #4a3aa7; fill: #4a3aa7; }
    polyline { fill: none !important; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      text { fill: #c3c2b7; }
      .title { fill: #ffffff; }
      .grid { stroke: #383835; }
      .back { fill: #1a1a19; }
      .l0 { stroke: #3987e5; fill: #3987e5; }
      .l1 { stroke: #199e70; fill: #199e70; }
      .l2 { stroke: #d95926; fill: #d95926; }
      .l3 { stroke: #9085e9; fill: #9085e9; }
    }
"""


def ceiling(value):
    """The next round number whose half is round, too."""
    step = 10 ** (len(str(int(value))) - 1)
    return next(n * step for n in (2, 4, 6, 8, 10, 20) if n * step >= value)


def text(x, y, words, anchor="middle", kind=""):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (
        x, y, anchor, ' class="%s"' % kind if kind else "", escape(words))


def chart(scale, x0, y0, most, kinds):
    """Draws one chart. Its points are at equal distances, whatever their x values."""
    right, bottom = x0 + WIDTH - RIGHT, y0 + HEIGHT - BOTTOM
    left, top = x0 + LEFT, y0 + TOP
    out = [text(left, y0 + 18, scale["title"], "start", "title")]
    for part in (0, 0.5, 1):
        y = bottom - part * (bottom - top)
        out.append('<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>' % (left, y, right, y))
        out.append(text(left - 6, y + 4, "{:,.0f}".format(part * most), "end"))
    xs = sorted({x for points in scale["lines"].values() for x, _ in points})
    place = {x: left + 12 + i * (right - left - 24) / max(1, len(xs) - 1) for i, x in enumerate(xs)}
    for x in xs:
        out.append(text(place[x], bottom + 16, "{:,}".format(x)))
    out.append(text((left + right) / 2, bottom + 33, scale["unit"]))
    for name, points in scale["lines"].items():
        at = [(place[x], bottom - max(0, y) * (bottom - top) / most, x, y) for x, y in points]
        out.append('<polyline class="l%d" points="%s"/>' %
                   (kinds[name], " ".join("%.1f,%.1f" % p[:2] for p in at)))
        dot = '<circle class="l%d" cx="%.1f" cy="%.1f" r="4"><title>%s: %s at %s</title></circle>'
        out += [dot % (kinds[name], px, py, escape(name), "{:,}".format(y), "{:,}".format(x))
                for px, py, x, y in at]
    return out


def legend(kinds, x, y):
    out = [text(x, y - 22, "instructions added to an unlink(2)", "start", "title")]
    for name, kind in kinds.items():
        out.append('<circle class="l%d" cx="%d" cy="%d" r="4"/>' % (kind, x + 4, y - 4))
        out.append(text(x + 16, y, name, "start"))
        y += 20
    return out


def svg(scales):
    """Draws all charts with the same vertical axis, so that they can be compared."""
    kinds = {}
    for scale in scales:
        for name in scale["lines"]:
            kinds.setdefault(name, len(kinds))
    most = ceiling(max(y for s in scales for points in s["lines"].values() for _, y in points))
    rows = len(scales) // COLUMNS + 1   # a cell for the legend
    body = ['<rect class="back" width="100%" height="100%"/>']
    for i, scale in enumerate(scales):
        body += chart(scale, i % COLUMNS * WIDTH, i // COLUMNS * HEIGHT, most, kinds)
    i = len(scales)
    body += legend(kinds, i % COLUMNS * WIDTH + 30, i // COLUMNS * HEIGHT + 60)
    size = COLUMNS * WIDTH + 20, rows * HEIGHT
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">\n' \
           '  <title>What a deletion costs by the number of rules, paths, users and ' \
           'deleters</title>\n' \
           '  <style>%s  </style>\n  %s\n</svg>\n' % (*size, STYLE, "\n  ".join(body))
