#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Includes point downward only:
#
#	base <- {wire, mem, net} <- qp <- verbs <- main.c
#
# The three middle rooms never include one another. Anyone may include compat, which includes only
# itself. The core room includes itself and compat; the driver reaches it through include/rdma only.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# Our own headers are named in quotes; in angle brackets, only include/ is on the search path.
# shellcheck disable=SC2016 # perl's own variables
program='
	BEGIN {
		%may = (
			compat => "compat",
			base => "base compat",
			wire => "wire base compat",
			mem => "mem base compat",
			net => "net base compat",
			qp => "qp wire mem net base compat",
			verbs => "verbs qp wire mem net base compat",
			main => "main verbs qp wire mem net base compat",
			core => "core compat",
			include => "",
		);
	}
	sub room {
		my ($path) = @_;
		return $1 if $path =~ m{^drivers/infiniband/sw/rxe/([^/]+)/};
		return "main" if $path eq "drivers/infiniband/sw/rxe/main.c";
		return $1 if $path =~ m{^(?:drivers/infiniband/)?(core|include)/};
		return "the outside";
	}
	if (/^\s*#\s*include\s*"([^"]+)"/) {
		my $target = $1;
		my $path = $ARGV =~ s{[^/]+$}{}r . $target;
		1 while $path =~ s{(^|/)(?!\.\./)[^/]+/\.\./}{$1};
		my ($from, $to) = (room($ARGV), room($path));
		if (!exists $may{$from}) {
			print "$ARGV:$.: no rule for \"$from\" in tests/lint/layers.sh\n";
		} elsif ($to ne "include" && " $may{$from} " !~ / $to /) {
			print "$ARGV:$.: $from must not include $to: \"$target\"\n";
		}
	}
	close ARGV if eof;
'
driver_files | tr '\n' '\0' | xargs -0 -r perl -ne "$program" | offences
