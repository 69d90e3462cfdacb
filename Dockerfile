# One image for everything that runs: services, jobs, the page and nats-server. Which one it is, is the command.
#   docker build -t doorstep:0.1.0 .
#   docker run doorstep:0.1.0 python -m services.orders
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /build/
RUN python -m venv /opt/doorstep \
    && /opt/doorstep/bin/python -m pip install --require-hashes --only-binary=:all: --no-compile -r /build/requirements.txt
COPY doorstep.toml /srv/doorstep/
COPY contracts /srv/doorstep/contracts
COPY chassis /srv/doorstep/chassis
COPY services /srv/doorstep/services
COPY ops /srv/doorstep/ops
COPY deploy/nats /srv/doorstep/deploy/nats
COPY deploy/*.py /srv/doorstep/deploy/
COPY deploy/doorstep /opt/doorstep/bin/doorstep
RUN cd /srv/doorstep \
    && PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 /opt/doorstep/bin/python -m deploy.lean --bytecode /opt/doorstep/bytecode \
    && rm /opt/doorstep/bin/pip* \
    && mkdir /empty

FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="Doorstep" \
      org.opencontainers.image.description="The back office of an online shop, from the click to the explained payout" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
ENV PATH=/opt/doorstep/bin:$PATH \
    PYTHONPATH=/srv/doorstep \
    PYTHONPYCACHEPREFIX=/opt/doorstep/bytecode \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/tmp
# What the base installs packages with.
RUN find /usr \( -path '*/bin/pip*' -o -path '*-packages/pip' -o -path '*-packages/pip-*' -o -name ensurepip \) -prune -exec rm -rf {} +
COPY --from=build /opt/doorstep /opt/doorstep
COPY --from=build /srv/doorstep /srv/doorstep
# A named volume takes over who owns the folder it is mounted on: the services' data, and the NATS servers'.
COPY --from=build --chown=10001:10001 /empty /srv/doorstep/var
COPY --from=build --chown=10001:10001 /empty /data
WORKDIR /srv/doorstep
USER 10001:10001
VOLUME ["/srv/doorstep/var"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-m", "deploy.health"]
CMD ["python", "-m", "services.orders"]
