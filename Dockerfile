# The worker as an image; `qtui` is in it too:  docker run --rm -it --entrypoint qtui qtui-worker --url redis://…
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY qtui ./qtui
COPY workers ./workers
RUN python -m venv /opt/qtui && /opt/qtui/bin/pip install --no-cache-dir --disable-pip-version-check '.[processors]'

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 --shell /usr/sbin/nologin worker
COPY --from=build /opt/qtui /opt/qtui
ENV PATH=/opt/qtui/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /home/worker
# The first one lets running jobs end, within --shutdown-timeout: give it that long (docker stop --time 40).
STOPSIGNAL SIGTERM
ENTRYPOINT ["qtui-worker"]
