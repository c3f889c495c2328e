"""A figure of matplotlib as a part of the page: small, with ids of its own, in the colours of the page's theme."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup
from matplotlib.colors import to_hex

from experiments.harness import figures
from experiments.validation import refuse

COLORS = {  # CSS variables of the page, each for one colour of the figures' style
    figures.INK: "ink",
    figures.GREY: "grey",
    figures.GRID: "grid",
    to_hex(figures.PAPER): "paper",
    figures.BLUE: "blue",
    figures.ORANGE: "orange",
    figures.GREEN: "green",
    figures.VERMILLION: "vermillion",
    figures.PURPLE: "purple",
    figures.SKY: "sky",
}

_VARIABLES = {color.lower(): name for color, name in COLORS.items()}
_COLOR = re.compile("|".join(_VARIABLES), re.IGNORECASE)
_NUMBER = re.compile(r"-?\d*\.\d+")
_REFERENCE = re.compile(r"url\(#(.*?)\)|^#(.*)")
_FONT_FAMILY = re.compile(r"font-family:[^;]*;? ?")
_NO_ROTATION = re.compile(r"rotate\(-?0[ )][^)]*\)?")
_MEASURES = ("d", "x", "y", "width", "height", "style")  # not transform, which scales


def inline(svg: str, stem: str, label: str) -> Markup:
    """What stands in the page for a file that `figures.save` wrote.

    Text stays text. What stands on a map of colours, which follows no theme, is `figures.DARK` or `figures.LIGHT`.

    Args:
        svg: the file's text.
        stem: of the file; ids begin with it, so that no two figures share one.
        label: the id of the element that names the figure.

    Returns:
        One `svg` element, as wide as what holds it; --width is its natural width in CSS pixels.

    Raises:
        ValueError: the text is not an SVG with a viewBox.
    """
    try:
        root = ElementTree.fromstring(svg)
        _, _, width, height = root.attrib["viewBox"].split()
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise refuse(f"svg of {stem}", f"another text ({error})", "what figures.save writes") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    _name(root, stem)
    _prune(root)
    for element in root.iter():
        _shorten(element)
    sheet = _sheet(root, stem)
    root.insert(0, sheet)
    root.attrib = {
        "id": f"{stem}-svg",
        "viewBox": f"0 0 {_round(width)} {_round(height)}",
        "style": f"--width:{float(width) * 4 / 3:.0f}px",  # from points
        "role": "img",
        "aria-labelledby": label,
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _name(root: Element, stem: str) -> None:
    """Keeps the ids that something refers to, under new names."""
    found = (_REFERENCE.search(value) for element in root.iter() for value in element.attrib.values())
    used = dict.fromkeys(match[1] or match[2] for match in found if match)
    names = {old: f"{stem}-{number}" for number, old in enumerate(used)}
    for element in root.iter():
        if (old := element.attrib.pop("id", None)) in names:
            element.set("id", names[old])
        for name, value in element.items():
            if match := _REFERENCE.search(value):
                old = match[1] or match[2]
                element.set(name, value.replace(f"#{old}", f"#{names[old]}"))


def _prune(parent: Element) -> None:
    """Drops what is not drawn, and groups that do nothing."""
    accepted = []
    for child in parent:
        _prune(child)
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            continue
        accepted.extend(child if child.tag == "g" and not child.attrib else [child])
    parent[:] = accepted


def _shorten(element: Element) -> None:
    """Rounds numbers, names the theme's colours, and drops white space and what the page's own style says."""
    if element.tag not in ("text", "tspan"):
        element.text = None
    if element.tag != "tspan":
        element.tail = None
    for name, value in element.items():
        if name in _MEASURES:
            value = _NUMBER.sub(lambda number: _round(number[0]), " ".join(value.split()))
        if name == "style":
            value = re.sub("(?<=[;:]) ", "", _theme(_FONT_FAMILY.sub("", value), element.tag)).strip("; ")
        elif name == "transform":
            value = _NO_ROTATION.sub("", value).strip()
        elif name == "d":
            value = re.sub(r" ?([A-Za-z]) ?", r"\1", value)
        elif name == "href":
            value = "".join(value.split())
        if value:
            element.set(name, value)
        else:
            del element.attrib[name]


def _sheet(root: Element, stem: str) -> Element:
    """Makes a class of each style, as most are used many times; the sheet is of this figure alone."""
    classes: dict[str, str] = {}
    for element in root.iter():
        clip = f"clip-path:{path}" if (path := element.attrib.pop("clip-path", None)) else None
        if style := ";".join(filter(None, (element.attrib.pop("style", None), clip))):
            element.set("class", classes.setdefault(style, f"s{len(classes)}"))
    sheet = Element("style")
    sheet.text = f"#{stem}-svg{{{''.join(f'.{name}{{{style}}}' for style, name in classes.items())}}}"
    return sheet


def _theme(style: str, tag: str) -> str:
    """Text in a colour of the lines leans towards the ink, for contrast."""

    def variable(color: re.Match[str]) -> str:
        name = _VARIABLES[color[0].lower()]
        if tag not in ("text", "tspan") or name in ("ink", "grey", "paper"):
            return f"var(--{name})"
        return f"color-mix(in oklab,var(--{name}) 65%,var(--ink))"

    return _COLOR.sub(variable, style)


def _round(number: str) -> str:
    return f"{round(float(number), 2) + 0:g}".removeprefix("0") or "0"
