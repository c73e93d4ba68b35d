#!/usr/bin/env python3
"""Build the PDF guides from their text sources.

    python3 -m pip install fpdf2==2.8.9
    python3 scripts/make_guides_pdf.py            # write data/pdfs/*.pdf
    python3 scripts/make_guides_pdf.py --check    # compare with what is there; exit 1 if it differs

A source in data/pdf_sources/ is a small subset of Markdown:

    # Title          once, first
    ## Heading       ### Subheading
    - list item      one per line
    | a | b |        table; the first row is the header, a row of dashes is skipped
    other lines      paragraphs, separated by blank lines

The text may use any character of Windows-1252 (£, °, ², –), which is what the PDF core fonts hold;
anything else is an error with its line number. The same source and version of fpdf2 give the same bytes:
the creation date is fixed, no font is embedded and nothing is read from the machine.
"""

import argparse
import re
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

# requirements: fpdf2==2.8.9

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "data" / "pdf_sources"
TARGETS = ROOT / "data" / "pdfs"
CREATED = datetime(2025, 11, 1, tzinfo=timezone.utc)
AUTHOR = "Wattwise contributors"
MAX_BYTES = 100_000

# Columns per page, by source name; one column where nothing is said.
COLUMNS = {"winter-checklist": 2}

MARGIN_MM = 20.0
TOP_MM = 26.0
BOTTOM_MM = 22.0
GUTTER_MM = 8.0
FONT = "Helvetica"

# Font style, size in points, line height, space above and below in millimetres.
STYLES = {
    "title": ("B", 20, 9.0, 0.0, 4.0),
    "h2": ("B", 13, 6.4, 4.5, 1.8),
    "h3": ("B", 11, 5.4, 3.0, 1.2),
    "paragraph": ("", 10, 4.9, 0.0, 2.4),
    "item": ("", 10, 4.9, 0.0, 1.0),
    "cell": ("", 9, 4.4, 0.0, 0.0),
    "head_cell": ("B", 9, 4.4, 0.0, 0.0),
}


class SourceError(Exception):
    """A source file that cannot be set."""


@dataclass
class Block:
    kind: str
    text: str = ""
    rows: list = field(default_factory=list)


def parse(path):
    """Read one source file into blocks."""
    blocks = []
    paragraph = []

    def flush():
        if paragraph:
            blocks.append(Block("paragraph", " ".join(paragraph)))
            paragraph.clear()

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = line.strip()
        try:
            line.encode("cp1252")
        except UnicodeEncodeError as error:
            raise SourceError(f"{path.name}:{number}: no glyph for {line[error.start]!r}") from None
        heading = re.match(r"(#{1,3}) (.+)", line)
        if not line:
            flush()
        elif heading:
            flush()
            kind = {1: "title", 2: "h2", 3: "h3"}[len(heading[1])]
            blocks.append(Block(kind, heading[2]))
        elif line.startswith("- "):
            flush()
            blocks.append(Block("item", line[2:]))
        elif line.startswith("|"):
            flush()
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                continue
            if blocks and blocks[-1].kind == "table":
                if len(cells) != len(blocks[-1].rows[0]):
                    raise SourceError(f"{path.name}:{number}: row with {len(cells)} cells")
                blocks[-1].rows.append(cells)
            else:
                blocks.append(Block("table", rows=[cells]))
        else:
            paragraph.append(line)
    flush()
    if not blocks or blocks[0].kind != "title":
        raise SourceError(f"{path.name}: must begin with a title")
    return blocks


class Guide(FPDF):
    """An A4 document with running head, numbered foot and one or more columns."""

    def __init__(self, title, columns, page_total):
        super().__init__(format="A4", unit="mm")
        self.core_fonts_encoding = "windows-1252"
        self.guide_title = title
        self.page_total = page_total
        self.columns = columns
        self.column = 0
        self.column_width = (self.w - 2 * MARGIN_MM - GUTTER_MM * (columns - 1)) / columns
        self.column_top = TOP_MM
        self.set_auto_page_break(False)
        self.set_margins(MARGIN_MM, TOP_MM, MARGIN_MM)
        self.c_margin = 0
        self.set_title(title)
        self.set_author(AUTHOR)
        self.set_lang("en-GB")
        self.set_subject("Saving energy at home")
        self.set_creation_date(CREATED)
        self.add_page()
        self.start_column(0)

    def header(self):
        self.set_font(FONT, "", 8)
        self.set_text_color(90)
        self.set_xy(MARGIN_MM, 12)
        self.cell(0, 4, self.guide_title)
        self.set_draw_color(150)
        self.line(MARGIN_MM, 17.5, self.w - MARGIN_MM, 17.5)
        self.set_text_color(0)

    def footer(self):
        self.set_font(FONT, "", 8)
        self.set_text_color(90)
        self.set_xy(MARGIN_MM, self.h - 14)
        text = f"Wattwise guides - page {self.page_no()} of {self.page_total}"
        self.cell(self.w - 2 * MARGIN_MM, 4, text, align="C")
        self.set_text_color(0)

    def start_column(self, column):
        self.column = column
        self.left = MARGIN_MM + column * (self.column_width + GUTTER_MM)
        self.set_xy(self.left, self.column_top)

    def reserve(self, height):
        """Move to the next column or page unless `height` still fits here."""
        if self.y + height <= self.h - BOTTOM_MM:
            return
        if self.column + 1 < self.columns:
            self.start_column(self.column + 1)
        else:
            self.column_top = TOP_MM
            self.add_page()
            self.start_column(0)

    def wrap(self, text, width, style):
        """Break `text` into lines that fit `width`."""
        self.set_font(FONT, *STYLES[style][:2])
        lines = self.multi_cell(width, 5, text, align="L", dry_run=True, output="LINES")
        # fpdf2 hands core-font text back as its bytes, read as Latin-1.
        return [line.encode("latin-1").decode("cp1252").rstrip() for line in lines]

    def write_lines(self, lines, x, width, line_height):
        for line in lines:
            self.set_x(x)
            self.cell(width, line_height, line, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def set_title_block(self, text):
        """The title runs across all columns."""
        *_, line_height, _, below = STYLES["title"]
        width = self.w - 2 * MARGIN_MM
        self.write_lines(self.wrap(text, width, "title"), MARGIN_MM, width, line_height)
        self.column_top = self.y + below
        self.start_column(0)

    def set_text(self, text, style, keep_with_next=0.0):
        """A heading, paragraph or list item; text may break between columns, headings do not."""
        _, _, line_height, above, below = STYLES[style]
        indent = 4.5 if style == "item" else 0.0
        width = self.column_width - indent
        lines = self.wrap(text, width, style)
        if self.y > self.column_top:
            self.y += above
        if style in ("h2", "h3"):
            self.reserve(len(lines) * line_height + below + keep_with_next)
            self.set_font(FONT, *STYLES[style][:2])
            self.write_lines(lines, self.left, width, line_height)
        else:
            for number, line in enumerate(lines):
                # Two lines at least stay together at the start and at the end.
                together = 2 if number in (0, len(lines) - 2) and len(lines) > 1 else 1
                if len(lines) == 3 and number == 0:
                    together = 3
                self.reserve(together * line_height)
                self.set_font(FONT, *STYLES[style][:2])
                if style == "item" and number == 0:
                    self.set_x(self.left)
                    self.cell(indent, line_height, "\u2022")
                self.write_lines([line], self.left + indent, width, line_height)
        self.y += below

    def set_table(self, rows):
        """A ruled table. Rows do not break; the header is repeated in a new column."""
        widths = self.table_widths(rows)
        self.y += 1.0
        header_height = self.row_height(rows[0], widths, "head_cell")
        self.reserve(header_height + self.row_height(rows[1], widths, "cell"))
        self.set_row(rows[0], widths, "head_cell")
        for row in rows[1:]:
            before = (self.page, self.column)
            self.reserve(self.row_height(row, widths, "cell"))
            if (self.page, self.column) != before:
                self.set_row(rows[0], widths, "head_cell")
            self.set_row(row, widths, "cell")
        self.y += 3.0

    def table_widths(self, rows):
        """Share the column by the longest cell, but leave room for the longest word."""
        needs, floors = [], []
        for cells in zip(*rows):
            self.set_font(FONT, "B", STYLES["cell"][1])
            needs.append(max(self.get_string_width(cell) for cell in cells) + 3.0)
            words = [word for cell in cells for word in cell.split()]
            floors.append(max(self.get_string_width(word) for word in words) + 3.0)
        spare = self.column_width - sum(floors)
        wishes = [max(need - floor, 0.0) for need, floor in zip(needs, floors)]
        total = sum(wishes) or 1.0
        if spare >= total:
            return [need + (spare - total) / len(needs) for need in needs]
        return [floor + spare * wish / total for floor, wish in zip(floors, wishes)]

    def row_height(self, row, widths, style):
        counts = [len(self.wrap(cell, width - 2.4, style)) for cell, width in zip(row, widths)]
        return max(counts) * STYLES[style][2] + 1.6

    def set_row(self, row, widths, style):
        height = self.row_height(row, widths, style)
        top, x = self.y, self.left
        if style == "head_cell":
            self.set_fill_color(228, 236, 228)
            self.rect(self.left, top, sum(widths), height, style="F")
        self.set_draw_color(150)
        for cell, width in zip(row, widths):
            self.rect(x, top, width, height)
            lines = self.wrap(cell, width - 2.4, style)
            self.set_y(top + 0.8)
            self.write_lines(lines, x + 1.2, width - 2.4, STYLES[style][2])
            x += width
        self.set_xy(self.left, top + height)


def typeset(blocks, columns, page_total):
    """Set all blocks; returns the finished document."""
    guide = Guide(blocks[0].text, columns, page_total)
    guide.set_title_block(blocks[0].text)
    for position, block in enumerate(blocks[1:], start=1):
        if block.kind == "table":
            guide.set_table(block.rows)
            continue
        following = blocks[position + 1].kind if position + 1 < len(blocks) else ""
        room = {"table": 16.0, "h3": 18.0}.get(following, 11.0)
        guide.set_text(block.text, block.kind, keep_with_next=room)
        if block.kind == "item" and following not in ("item", ""):
            guide.y += 1.4
    return guide


def build(path):
    """The bytes of one PDF. Set twice: the first pass only counts the pages."""
    blocks = parse(path)
    columns = COLUMNS.get(path.stem, 1)
    pages = typeset(blocks, columns, 9).page
    data = bytes(typeset(blocks, columns, pages).output())
    if len(data) > MAX_BYTES:
        raise SourceError(f"{path.name}: {len(data)} bytes, more than {MAX_BYTES}")
    return pages, data


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--check", action="store_true", help="write nothing, compare only")
    check = arguments.parse_args().check
    stale = False
    TARGETS.mkdir(parents=True, exist_ok=True)
    for path in sorted(SOURCES.glob("*.md")):
        target = TARGETS / f"{path.stem}.pdf"
        pages, data = build(path)
        same = target.exists() and target.read_bytes() == data
        if not check:
            target.write_bytes(data)
        stale |= not same
        print(f"{target.name}: {pages} pages, {len(data)} bytes, {'unchanged' if same else 'differs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SourceError as error:
        sys.exit(f"error: {error}")
