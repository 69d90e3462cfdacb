"""How well what a page shows can be told from what is behind it: contrast ratios of WCAG 2.2 (1.4.3, 1.4.11)."""

from __future__ import annotations

from typing import Any

TEXT_MIN, EDGE_MIN = 4.5, 3.0
MEASURE = """() => {
    const octets = colour => {
        const numbers = colour.match(/[\\d.]+/g).map(Number);
        return colour.startsWith("color(") ? [...numbers.slice(0, 3).map(n => n * 255), numbers[3] ?? 1]
            : [...numbers.slice(0, 3), numbers[3] ?? 1];
    };
    const luminance = ([red, green, blue]) => [red, green, blue].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const ground = octets(getComputedStyle(element).backgroundColor);
            if (ground[3] > 0) return ground;
        }
        return [255, 255, 255, 1];
    };
    const ratio = (colour, ground) => {
        const [dark, light] = [luminance(octets(colour)), luminance(ground)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    document.querySelectorAll("details").forEach(details => details.open = true);
    const texts = [], edges = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
        if (text && element.checkVisibility())
            texts.push([ratio(getComputedStyle(element).color, behind(element)), text]);
    }
    for (const field of document.querySelectorAll("input:not([type=hidden])")) {
        const hint = getComputedStyle(field, "::placeholder").color, edge = getComputedStyle(field).borderTopColor;
        texts.push([ratio(hint, behind(field)), `hint ${field.placeholder}`]);
        edges.push([ratio(edge, behind(field.parentElement)), `edge of ${field.name}`]);
    }
    return [texts, edges];
}"""


def too_faint(tab: Any) -> list[tuple[float, str]]:
    """(ratio, what) of every text and every edge of a field on the page that is hard to see; parts that are folded are
    opened for it.
    """
    texts, edges = tab.evaluate(MEASURE)
    assert texts, "a page without a word"
    measured = ((texts, TEXT_MIN), (edges, EDGE_MIN))
    return [(round(ratio, 2), what) for found, least in measured for ratio, what in found if ratio < least]
