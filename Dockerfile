# One image for the API, the workers and the migrations. The command of a container selects one, see
# compose.yaml and docs/operating/deploy.md.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1
COPY requirements-server.txt /tmp/
# The lock file is complete and has a hash for each package.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --quiet --require-hashes --no-deps --only-binary :all: \
       --requirement /tmp/requirements-server.txt
COPY pyproject.toml README.md /src/
COPY common /src/common
COPY db/schema /src/db/schema
COPY db/functions /src/db/functions
COPY db/seed /src/db/seed
COPY gen /src/gen
COPY ops/postgres /src/ops/postgres
COPY service /src/service
COPY tools /src/tools
COPY web /src/web
COPY workers /src/workers
RUN /opt/venv/bin/pip install --quiet --no-build-isolation --no-deps /src

FROM python:3.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 DATA_DIR=/tmp/communities
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin communities
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Liveness, not readiness: an unavailable store does not need a restart of the process.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-m", "tools.alive", "8000"]
CMD ["python", "-m", "service"]
