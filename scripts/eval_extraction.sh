#!/usr/bin/env bash
# Extraction quality on the shared files: eval_extraction.sh WATTWISE SHARED
set -euo pipefail
wattwise=$(realpath "$1") shared=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "HTML: main content of $(ls "$shared"/extraction/html/*.html.gz | wc -l) pages against ground truth"
for page in "$shared"/extraction/html/*.html.gz; do
  gunzip -c "$page" >"$work/$(basename "$page" .gz)"
done
python3 - "$wattwise" "$work" <<'PYTHON'
import glob, json, os, resource, subprocess, sys

wattwise, work = sys.argv[1:]
predicted = {}
for path in sorted(glob.glob(os.path.join(work, "*.html"))):
    run = subprocess.run([wattwise, "extract", "--json", path], capture_output=True)
    text = json.loads(run.stdout)["text"] if run.returncode == 0 else ""
    predicted[os.path.basename(path)[: -len(".html")]] = text
with open(os.path.join(work, "predicted.json"), "w") as file:
    json.dump(predicted, file)


def cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


pages = sorted(glob.glob(os.path.join(work, "*.html")))
each = cpu()
print(f"HTML: {1000 * each / len(pages):.1f} ms CPU a page, the start of a process for each included")
# One process for all of them, as in a worker of ingest; the median of five runs.
runs = []
for _ in range(5):
    before = cpu()
    subprocess.run([wattwise, "extract", "--json", *pages], capture_output=True)
    runs.append(cpu() - before)
runs.sort()
print(f"HTML: {len(pages) / runs[2]:.0f} pages a CPU second in one process")
PYTHON
python3 "$shared/extraction/score_html.py" "$work/predicted.json"

echo "HTML: sets outside the repository, by path"
python3 "$(dirname "$0")/score_html_sets.py" "$wattwise" --trafilatura "${TRAFILATURA:-}" \
  --readability "${READABILITY:-}" --manual "${MANUAL:-}"
if [ -f "$shared/cases/check_cases.py" ]; then
  python3 "$shared/cases/check_cases.py" "$wattwise" || true
else
  echo "cases: absent, not measured"
fi

echo "PDF: robustness, and text against a reference"
python3 "$(dirname "$0")/score_pdf.py" --binary "$wattwise" --pdfs "$shared/extraction/pdf" \
  --truth "$shared/extraction/pdf/pypdf_GeoTopo-komprimiert.txt" --seed "$shared/corpus/pdf" \
  --more "$(dirname "$0")/../data/pdfs"
