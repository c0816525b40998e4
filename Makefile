# SPDX-License-Identifier: GPL-2.0
# Dispatch only: each target is one script, with its own account of what it does.
#
#   make modules KDIR=...   rdma_rxe.ko for one kernel (default: the running one)
#   make lint unit          the checks of every commit, seconds
#   make demo               RDMA applications on Debian's stock kernel, in a virtual machine
#   make test               lint, unit, user-mode Linux with its checkers, Debian's kernel
#   make test-all           the same suites, whole, on all kernels, and their table; hours
#   make bench              this driver and the in-box one, and on-demand paging, as ratios
#   make lab-uml lab-uml-debug lab-qemu     build one lab, cached outside of the tree
KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.12
export KERNEL

.PHONY: modules clean lint unit demo test test-all bench lab-uml lab-uml-debug lab-qemu

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean
	$(MAKE) -C tests/unit clean
	$(MAKE) -C tests/verbs clean
	$(MAKE) -C tests/odp clean
	$(MAKE) -C tests/dmabuf clean
	$(MAKE) -C tests/demo clean

lint:
	tests/lint/run.sh

unit:
	$(MAKE) --no-print-directory -C tests/unit run

demo:
	tests/demo/demo.sh

test:
	tests/run.sh

test-all:
	tests/all.sh --write

bench:
	tests/vm/bench.sh --write
	tests/odp/bench.sh --write

lab-uml:
	tests/vm/uml.sh build plain

lab-uml-debug:
	tests/vm/uml.sh build debug

lab-qemu:
	tests/vm/qemu.sh build
