#!/usr/bin/env python3
"""CPU milliseconds a file of a library that extracts text: bench_extraction.py MODULE FILES…

    pip install trafilatura lxml_html_clean pypdf pymupdf

A yardstick of `make bench-extraction`. The module is loaded and a file is read before the clock runs; a
file that the library refuses costs what it costs.
"""
import contextlib
import gzip
import io
import logging
import pathlib
import sys
import time

logging.disable(logging.CRITICAL)


def read(name):
    data = pathlib.Path(name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


module, files = sys.argv[1], [read(name) for name in sys.argv[2:]]

if module == "trafilatura":
    import trafilatura

    def extract(data):
        return trafilatura.extract(data, include_tables=True, include_links=False)

elif module == "pypdf":
    import pypdf

    def extract(data):
        return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]

else:
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)

    def extract(data):
        return [page.get_text() for page in pymupdf.open(stream=data, filetype="pdf")]


def tried(data):
    with contextlib.suppress(Exception):
        extract(data)


tried(files[0])
before = time.process_time()
with contextlib.redirect_stdout(sys.stderr):
    for data in files:
        tried(data)
print((time.process_time() - before) * 1e3 / len(files))
