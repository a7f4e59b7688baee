# Syncline for a server: compose.yaml runs it; docs/operations.md tells the rest.
FROM python:3.12-slim AS built
WORKDIR /source
COPY deploy/requirements.txt ./
RUN python -m venv /opt/syncline \
    && /opt/syncline/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/syncline/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
# What is remembered belongs to a user of its own, by a number that volumes can be given to.
RUN useradd --system --uid 10001 --no-create-home syncline \
    && install --directory --owner=syncline --mode=0700 /data
COPY --from=built /opt/syncline /opt/syncline
ENV PATH=/opt/syncline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER syncline
WORKDIR /project
VOLUME /data
# Needs `health` in the project's syncline.yaml. A system that is away leaves the process alive: no reason to start anew.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8472/health/live', timeout=4)"]
ENTRYPOINT ["syncline"]
CMD ["run", "--log", "json"]
