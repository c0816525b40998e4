/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the headers of Linux 7.2 ask of sparse that Debian's sparse does not know: a word, and that
 * the length of a literal is a constant. Read before every file, by sparse alone.
 */
#define __typeof_unqual__	__typeof__
#define __builtin_strlen(s)	(sizeof(s) - 1)
