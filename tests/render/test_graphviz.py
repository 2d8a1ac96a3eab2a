"""The Graphviz engine, really run."""

from __future__ import annotations

import shutil

import pytest

from cgcli.errors import CalculationError, MissingExtra
from cgcli.render import graphviz

AWKWARD = 'a & b < c "quoted" √x ∂y x² back\\slash \\N <b>no html</b>'


def test_svg_shows_awkward_labels_as_they_are():
    svg = graphviz.render(f"digraph {{ n [label={graphviz.quoted(AWKWARD)}] }}", "svg").decode()
    assert svg.startswith("<?xml")
    assert "a &amp; b &lt; c &quot;quoted&quot; √x ∂y x² back\\slash \\N &lt;b&gt;no html&lt;/b&gt;" in svg


def test_a_line_end_makes_a_second_line():
    label = graphviz.quoted("first\nsecond")
    svg = graphviz.render(f"digraph {{ n [label={label}] }}", "svg").decode()
    assert svg.count("<text") == 2


def test_png_is_a_png():
    assert graphviz.render("digraph { a -> b }", "png").startswith(b"\x89PNG\r\n")


def test_dot_is_the_text_itself():
    assert graphviz.render("digraph { a -> b }", "dot") == b"digraph { a -> b }"


def test_a_broken_text_is_an_error_and_not_an_empty_file():
    with pytest.raises(CalculationError, match="Graphviz failed"):
        graphviz.render("digraph { a -> ", "svg")


def test_the_time_limit_holds():
    many = "; ".join(f"n{i} -> n{(i * 7919) % 3000}" for i in range(6000))
    with pytest.raises(CalculationError, match="longer than"):
        graphviz.render(f"digraph {{ {many} }}", "svg", timeout=0.05)


def test_pdf_comes_from_the_system_or_is_refused_with_a_hint():
    if shutil.which("dot"):
        assert graphviz.render("digraph { a -> b }", "pdf").startswith(b"%PDF")
    else:
        with pytest.raises(MissingExtra) as refusal:
            graphviz.render("digraph { a -> b }", "pdf")
        assert "graphviz" in (refusal.value.hint or "")


def test_without_any_program_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(graphviz.shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(MissingExtra, match="no Graphviz"):
        graphviz.render("digraph { a -> b }", "svg")
