# The everyday commands; meson and ninja do the work.
#
#   make            build/vow, build/libvow.so, build/libvow.a
#   make run        vow's main job on programs of this machine, step by step
#   make test       all tests but the long ones; `make test-all` has them too
#   make musl       libvow for musl, static and shared, and its tests
#   make matrix     tests on other kernels and architectures, in qemu (ONLY=PAIRS); hours
#   make roots      `make run` and `make test` in new Debian systems (ONLY=SUITES); root, hours
#   make deb        Debian packages in build/deb; root also tries them in a new Debian
#   make bench      the figures, side by side with other tools
#   make lint       format, static analysis, layers, manual pages, scripts
#   make deps       Debian packages that are missing (GROUPS="build test …")
#   make install    PREFIX (/usr/local) and DESTDIR as usual
BUILD  ?= build
GROUPS ?= build test lint bench

# Configured anew where packages that matter have come or gone since: meson
# remembers what it did not find.
packages := $(BUILD)/.packages-$(shell tools/deps --installed | cksum | cut -d ' ' -f 1)

all: $(packages)
	@ninja -C $(BUILD) $(TARGETS)

$(packages): | $(BUILD)/build.ninja
	$(if $(wildcard $(BUILD)/.packages-*),meson setup --wipe $(BUILD))
	@touch $@

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is missing: 'make deps' gets it" >&2; exit 1; }
	meson setup $(BUILD)

deps:
	@tools/deps $(GROUPS)

run:
	@tools/deps build
	@$(MAKE) --no-print-directory all TARGETS=vow
	@tools/demo $(BUILD)/vow

test test-all:
	@tools/deps build test
	@$(MAKE) --no-print-directory all
	@tools/run-tests $(BUILD) $(if $(filter test,$@),--no-suite slow)

musl:
	@tools/deps build musl
	@$(MAKE) --no-print-directory all
	@grep -q libvow-musl $(BUILD)/build.ninja || meson setup --reconfigure $(BUILD)
	@ninja -C $(BUILD) musl
	@tools/run-tests $(BUILD) --suite musl

matrix:
	@tools/deps build matrix
	@$(MAKE) --no-print-directory all
	@tests/matrix/run.py $(BUILD) $(ONLY)

roots:
	@tools/deps build roots
	@tests/roots/run.py $(BUILD) $(ONLY)

deb:
	@tools/deps build deb
	@tools/deb $(BUILD)/deb $(if $(filter 0,$(shell id -u)),--try)

bench:
	@tools/deps build bench
	@$(MAKE) --no-print-directory all
	@bench/run $(BUILD)
	@bench/libvow $(BUILD)
	@bench/box $(BUILD)

lint:
	@tools/deps build lint
	@$(MAKE) --no-print-directory all
	@tools/lint $(BUILD)

install: all
	$(if $(PREFIX),meson configure $(BUILD) -Dprefix=$(PREFIX))
	meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))

clean:
	rm -rf $(BUILD)

.PHONY: all deps run test test-all musl matrix roots deb bench lint install clean
