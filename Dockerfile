# Narwhal's images: `make images`. Nothing of the build but its result is in what is shipped.
#
#	slim	Debian with narwhal; scripts of /docker-entrypoint.d run first (also called latest)
#	static	two programs without a C library or a file beside them: run it, or
#		COPY --from=narwhal:static /narwhal /narwhal
#	python	slim with Debian's CPython, for WSGI apps
FROM debian:bookworm-slim AS build
WORKDIR /build
# The same list of packages as on a developer's machine; a layer of its own, that stays in the
# cache until the list changes.
COPY deploy/bootstrap deploy/packages.table deploy/
RUN deploy/bootstrap build
COPY . .
RUN make -s -j"$(nproc)" install DESTDIR=/out PREFIX=/usr && make -s static DESTDIR=/out/static && \
	mkdir -p /static && mv /out/static/narwhal /static/narwhal

# What all of them have. The environment is the lowest layer of settings: a config file and flags
# win over it. /dev/shm is writable in every container, with a read-only root and any uid too.
FROM scratch AS static
COPY --from=build /static/narwhal /narwhal
COPY examples/public /srv/www
ENV PATH=/narwhal \
	NARWHAL_BIND=0.0.0.0:8080 \
	NARWHAL_WHEN_READY=/dev/shm/narwhal.ready
USER 65532:65532
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["/narwhal/narwhal", "ready"]
ENTRYPOINT ["/narwhal/narwhal"]
CMD ["/srv/www"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="narwhal" \
	org.opencontainers.image.description="A container's PID 1 as the arbiter of a pre-fork HTTP server" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"

FROM debian:bookworm-slim AS slim
COPY --from=build /out/ /
COPY deploy/image/docker-entrypoint /usr/local/bin/
COPY examples/public /srv/www
ENV NARWHAL_BIND=0.0.0.0:8080 \
	NARWHAL_WHEN_READY=/dev/shm/narwhal.ready
USER 65532:65532
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["narwhal", "ready"]
ENTRYPOINT ["docker-entrypoint"]
CMD ["/srv/www"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="narwhal" \
	org.opencontainers.image.description="A container's PID 1 as the arbiter of a pre-fork HTTP server" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}" \
	org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

FROM slim AS python
USER 0
RUN apt-get update && apt-get install -y --no-install-recommends python3 libpython3.11 && \
	rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*
COPY deploy/image/app.py /srv/app/
WORKDIR /srv/app
ENV PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
CMD ["app:app"]

# Last, as what is built when no target is named.
FROM slim
