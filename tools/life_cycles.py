#!/usr/bin/python3
"""life_cycles.py REGISTRYD DOCS [--check]

Writes DOCS/life-cycles.md and a picture for each kind in DOCS/life-cycles/
from the tables that `payvand-registryd --kinds` prints. --check writes nothing
and fails when one of them is not what the tables say.
"""
import html
import json
import subprocess
import sys
from pathlib import Path

WIDTH, HEIGHT = 204, 38  # of a state; its longest word fits
STEP_X, STEP_Y = 330, 84
MARGIN = 24
MANY = 3  # an event from so many states is drawn once, from their number
INK, LINE, PAPER = "#20303f", "#2a6f97", "#ffffff"


def arrows(kind):
    """{(from, to): [event ...]}, in the order of the table."""
    found = {}
    for event in kind["events"]:
        for start, end in event["steps"]:
            found.setdefault((start, end), []).append(event["event"])
    return found


def bundles(kind):
    """{(event, to): count} of events by which many states end."""
    found = {}
    leaves = {start for event in kind["events"] for start, end in event["steps"]
              if start != end}
    for event in kind["events"]:
        for end in {end for _, end in event["steps"]} - leaves:
            count = sum(1 for step in event["steps"]
                        if step[1] == end and step[0] != end)
            if count >= MANY:
                found[event["event"], end] = count
    return found


def layers(kind, links):
    """Column of each state: its distance from "none"."""
    column = {kind["states"][0]: 0}
    again = list(column)
    while again:
        state = again.pop(0)
        for start, end in links:
            if start == state and end not in column:
                column[end] = column[state] + 1
                again.append(end)
    last = max(column.values()) + 1
    return {state: column.get(state, last) for state in kind["states"]}


def places(kind, links):
    """Centre of each state."""
    column = layers(kind, links)
    rows, place = {}, {}
    for state in kind["states"]:
        row = rows.get(column[state], 0)
        rows[column[state]] = row + 1
        place[state] = (MARGIN + WIDTH / 2 + column[state] * STEP_X,
                        MARGIN + 30 + HEIGHT / 2 + row * STEP_Y)
    return place


def curve(a, b):
    """A path from state a to state b, and where its words stand."""
    (ax, ay), (bx, by) = a, b
    if bx > ax:  # on
        x0, x1 = ax + WIDTH / 2, bx - WIDTH / 2
        bend = (x1 - x0) / 2
        words = (x0 + (x1 - x0) * (0.5 if ay == by else 0.36),
                 ay + (by - ay) * (0.5 if ay == by else 0.26) - 5)
        if bx - ax > STEP_X and ay == by:  # over what stands between
            high = ay - HEIGHT - 14
            return (f"M{x0:g} {ay - 8:g} C{x0 + 50:g} {high:g} {x1 - 50:g} "
                    f"{high:g} {x1:g} {by - 8:g}", ((x0 + x1) / 2, high + 9))
        return (f"M{x0:g} {ay:g} C{x0 + bend:g} {ay:g} {x1 - bend:g} {by:g} "
                f"{x1:g} {by:g}", words)
    if bx == ax and abs(by - ay) == STEP_Y:  # to the neighbour
        down = 1 if by > ay else -1
        x = ax + 62 * down
        return (f"M{x:g} {ay + down * HEIGHT / 2:g} L{x:g} "
                f"{by - down * HEIGHT / 2:g}", (x, (ay + by) / 2 + 4))
    if bx == ax:  # up or down a column
        side = ax + WIDTH / 2
        far = side + 34 + abs(by - ay) / 8
        return (f"M{side:g} {ay + 6:g} C{far:g} {ay:g} {far:g} {by:g} "
                f"{side:g} {by - 6:g}", (far - 4, (ay + by) / 2))
    low = max(ay, by) + HEIGHT / 2 + 26  # back
    return (f"M{ax:g} {ay + HEIGHT / 2:g} C{ax:g} {low:g} {bx:g} {low:g} "
            f"{bx:g} {by + HEIGHT / 2:g}", ((ax + bx) / 2, low - 4))


def text(x, y, words, more=""):
    return (f'<text x="{x:g}" y="{y:g}"{more}>{html.escape(words)}</text>')


def draw_arrow(out, place, link, events):
    path, (x, y) = curve(place[link[0]], place[link[1]])
    out.append(f'<path d="{path}" fill="none" stroke="{LINE}" '
               'marker-end="url(#a)"/>')
    for number, word in enumerate(events):
        out.append(text(x, y + 13 * (number - (len(events) - 1) / 2), word,
                        ' class="e"'))


def picture(kind):
    """The SVG of one kind."""
    links, many = arrows(kind), bundles(kind)
    place = places(kind, {link: 0 for link in links if link[0] != link[1]})
    out, loops, shared = [], {}, {}
    for (start, end), events in links.items():
        if start == end:
            loops[start] = events
            continue
        own = [e for e in events if (e, end) not in many]
        if own:
            draw_arrow(out, place, (start, end), own)
    for (event, end), count in many.items():
        shared.setdefault(end, []).append(f"{event}: from {count} states")
    for state, (x, y) in place.items():
        if state == kind["states"][0]:
            out.append(f'<circle cx="{x + WIDTH / 2 - 9:g}" cy="{y:g}" r="8" '
                       f'fill="{INK}"/>')
            continue
        out.append(f'<rect x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" '
                   f'width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#f4f6f8" '
                   f'stroke="{LINE}" stroke-width="1.5"/>')
        out.append(text(x, y + 5, state, ' class="s"'))
        below = [f"\u21bb {word}" for word in loops.get(state, [])]
        below += [f"\u2190 {word}" for word in shared.get(state, [])]
        for number, word in enumerate(below):
            out.append(text(x, y + HEIGHT / 2 + 14 + 12 * number, word,
                            ' class="n"'))
    width = max(x for x, _ in place.values()) + WIDTH / 2 + MARGIN + 60
    height = max(y for _, y in place.values()) + HEIGHT / 2 + MARGIN + 44
    name = kind["kind"]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} '
        f'{height:g}" width="{width:g}" height="{height:g}" '
        'font-family="sans-serif" font-size="13" role="img" '
        'aria-labelledby="t">',
        f'<title id="t">The life cycle of the kind {name}</title>',
        '<style>.s{text-anchor:middle;font-weight:bold;fill:' + INK + '}'
        '.e{text-anchor:middle;font-size:12px;fill:' + INK + ';stroke:' + PAPER +
        ';stroke-width:4px;paint-order:stroke}'
        '.n{text-anchor:middle;font-size:11px;fill:#5b6b7a}</style>',
        '<marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        f'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" '
        f'fill="{LINE}"/></marker>',
        f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>',
        *out, "</svg>", ""])


def who(event):
    """Roles in words; none: an effect of another decision."""
    return ", ".join(event["by"]) or "follows from another decision"


def section(kind):
    """One kind in the page."""
    lines = [f"## {kind['kind']} · {kind['name_fa']}", "",
             f"![{kind['kind']}](life-cycles/{kind['kind']}.svg)", "",
             f"A step that is not here is refused ({kind['rule']}).", "",
             "| event | from | to | who | not who took |", "|---|---|---|---|---|"]
    for event in kind["events"]:
        ends = {}
        for start, end in event["steps"]:
            ends.setdefault(end, []).append(start)
        for end, starts in ends.items():
            lines.append(f"| {event['event']} | {', '.join(starts)} | {end} | "
                         f"{who(event)} | {event.get('other_than', '')} |")
    return lines + [""]


def page(kinds):
    """docs/life-cycles.md."""
    lines = ["# Life cycles", "",
             "Made by `tools/life_cycles.py` from the tables in "
             "`registryd/kinds_*.c`; `ninja",
             "-C build life-cycles` makes it anew, and a test says when it is "
             "not current.", "",
             "\u21bb is an event that leaves the state as it is; \u2190 is one "
             "that several states share.",
             "Roles are explained in `registryd/kind.h`.", ""]
    for kind in kinds:
        lines += section(kind)
    return "\n".join(lines)


def main():
    registryd, docs = sys.argv[1], Path(sys.argv[2])
    kinds = json.loads(subprocess.run([registryd, "--kinds"], check=True,
                                      capture_output=True).stdout)["kinds"]
    want = {docs / "life-cycles.md": page(kinds)}
    for kind in kinds:
        want[docs / "life-cycles" / f"{kind['kind']}.svg"] = picture(kind)
    have = {path: path.read_text("utf-8") for path in
            [docs / "life-cycles.md", *(docs / "life-cycles").glob("*")]
            if path.exists()}
    if "--check" in sys.argv:
        wrong = sorted(str(path) for path in set(want) | set(have)
                       if want.get(path) != have.get(path))
        for path in wrong:
            print(f"{path} is not what the tables say; "
                  "run: ninja -C build life-cycles", file=sys.stderr)
        return 1 if wrong else 0
    (docs / "life-cycles").mkdir(exist_ok=True)
    for path in set(have) - set(want):
        path.unlink()
    for path, content in want.items():
        if have.get(path) != content:
            path.write_text(content, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
