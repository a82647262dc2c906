#!/usr/bin/env bash
# Renews engine/schema/tests/data with the encoders of Avro, Protobuf and Confluent for Python.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=target/tools/schemas
if [ ! -x "$folder/bin/python" ]; then
    python3 -m venv "$folder"
fi
"$folder/bin/pip" install --quiet --disable-pip-version-check \
    "fastavro==1.13.1" "protobuf==7.36.2" "grpcio-tools==1.85.1" \
    "confluent-kafka[avro,json,protobuf,schemaregistry]==2.16.1"
"$folder/bin/python" tests/tools/schemas.py
