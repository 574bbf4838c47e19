# The collector's image. The first stage compiles; the second holds the program, the libraries that
# it loads, and the certificates for TLS to Kafka.
FROM debian:trixie-slim AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Of what scripts/setup lists for a build, all that the programs need; the rest is for the tests.
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake g++ libboost-dev libcli11-dev libhiredis-dev \
      libjemalloc-dev librdkafka-dev libsimdjson-dev libspdlog-dev libssl-dev libtomlplusplus-dev \
      ninja-build pkg-config prometheus-cpp-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /muster
COPY . .
RUN cmake -S . -B build/release -G Ninja -DCMAKE_BUILD_TYPE=Release -DMUSTER_TESTS=OFF \
 && cmake --build build/release --target programs
# The packages of the libraries that the program loads.
RUN ldd build/bin/muster-collector | grep -o '/[^ ]*' | xargs realpath | xargs dpkg-query -S \
  | cut -d: -f1 | sort -u >build/packages

FROM debian:trixie-slim
COPY --from=build /muster/build/packages /usr/share/doc/muster/packages
RUN apt-get update \
 && xargs apt-get install -y --no-install-recommends ca-certificates \
      </usr/share/doc/muster/packages \
 && rm -rf /var/lib/apt/lists/*
# The operator's command is small and loads nothing else.
COPY --from=build /muster/build/bin/muster-collector /muster/build/bin/muster /usr/local/bin/
# No such user has to exist. It writes no file.
USER 10001:10001
RUN ["muster-collector", "--version"]
ENTRYPOINT ["muster-collector"]
