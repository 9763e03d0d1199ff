#!/bin/bash
# The Debian package: what lintian says, what is in it, and that it works from there.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/../lib.sh"
trap cleanup EXIT
scratch=$(mktemp -d)

if ! command -v dpkg-deb >/dev/null || ! command -v dpkg-shlibdeps >/dev/null; then
	skip package "needs dpkg-deb and dpkg-shlibdeps: apt-get install dpkg-dev"
	finish
fi
version=$(cat VERSION)
deb=$BUILD/weir_$version-1_$(dpkg --print-architecture).deb
if ! make -s BUILD="$BUILD" deb >"$scratch/log" 2>&1; then
	fail package "$(tail -n 3 "$scratch/log")"
	finish
fi
dpkg-deb -x "$deb" "$scratch/root"
root=$scratch/root
expect package_runs "$("$root/usr/bin/weir" --version)" "^weir $version\$"
if "$root/usr/bin/weir" check -c "$root/etc/weir/weir.yaml" >"$scratch/log" 2>&1; then
	pass package_settings_are_valid
else
	fail package_settings_are_valid "$(cat "$scratch/log")"
fi
expect package_writes_files_not_the_journal "$(cat "$root/etc/weir/weir.yaml")" \
	'^ +path: /var/lib/weir/flows.json$' '^ +rotate_size: 1G$'
expect package_is_started_again_when_interfaces_are_back "$(cat "$root/etc/weir/weir.yaml" "$root"/lib/systemd/system/weir.service)" \
	'^  when_back: exit$' '^RestartForceExitStatus=75$'
expect package_is_of_this_version "$(dpkg-deb -f "$deb" Version) $(zcat "$root/usr/share/doc/weir/changelog.gz" |
	sed -n 's/^## \([0-9.]*\).*/\1/p' | head -n 1)" "^$version-1 $version\$"
expect package_depends_on_what_it_uses "$(dpkg-deb -f "$deb" Depends)" librdkafka libbpf libseccomp
expect package_keeps_settings "$(dpkg-deb -I "$deb" conffiles)" '^/etc/weir/weir.yaml$'
cp "$deb" "$scratch/first.deb"
make -s BUILD="$BUILD" deb >/dev/null 2>&1
if cmp -s "$deb" "$scratch/first.deb"; then
	pass package_is_reproducible
else
	fail package_is_reproducible "a second one differs"
fi
if command -v lintian >/dev/null; then
	said=$(lintian "$deb" 2>&1 | grep -v 'running with root privileges')
	expect package_is_clean_for_lintian "lintian: $said" '^lintian: $'
else
	skip package_is_clean_for_lintian "no lintian here"
fi

# What a shell completes after these words.
bash_completes() { # WORD...
	bash -c '. "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
		compopt() { :; }
		_weir 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' - \
		"$root/usr/share/bash-completion/completions/weir" "$@" | tr '\n' ' '
}
expect bash_completes_commands "$(bash_completes weir "")" '^agent .*audit .*--version'
expect bash_completes_options "$(bash_completes weir agent --c)" '^--config $'
expect bash_completes_short_lists "$(bash_completes weir status --s)" '^--socket $'
expect bash_completes_settings "$(bash_completes weir agent --set security.)" \
	'security.seccomp= .*security.user='
expect bash_completes_words "$(bash_completes weir xdp "")" '^attach detach status '
# In the shells themselves, on a terminal: what stands there after TAB.
shell_completes() { # SHELL-COMMAND WORDS TEXT...: the screen when it has each text, or after a minute
	python3 - "$scratch" "$@" <<'END'
import os, pty, select, sys, time
scratch, shell, words, *texts = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PATH=scratch + "/root/usr/bin:" + os.environ["PATH"], HOME=scratch, PS1="> ", HISTFILE="")
    os.chdir(scratch)
    os.execvp("sh", ["sh", "-c", shell])
out = b""
def shown():
    return out.partition(b"READY\r\n")[2]
def read(until):
    global out
    end = time.time() + 60
    while time.time() < end and not until():
        if select.select([fd], [], [], 0.1)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                return
read(lambda: b"> " in shown())
os.write(fd, words.encode() + b"\t\t")
read(lambda: all(text.encode() in shown() for text in texts))
os.write(fd, b"\003\004")
os.close(fd)
print(out.decode(errors="replace").split("READY", 1)[-1])
END
}
printf '. %s\nbind "set enable-bracketed-paste off"\nbind "set completion-query-items 0"\nbind "set page-completions off"\nPS1="> "\necho READY\n' \
	"$root/usr/share/bash-completion/completions/weir" >"$scratch/bashrc"
in_bash="exec bash --noprofile --rcfile $scratch/bashrc -i"
expect bash_completes_on_a_terminal "$(shell_completes "$in_bash" 'weir exp' 'weir exporters ')" 'weir exporters '
expect bash_lists_on_a_terminal "$(shell_completes "$in_bash" 'weir load ' caida trie)" 'caida' 'trie'
if command -v zsh >/dev/null; then
	if zsh -n "$root/usr/share/zsh/vendor-completions/_weir" 2>"$scratch/log"; then
		pass zsh_reads_its_completion
	else
		fail zsh_reads_its_completion "$(head -n 1 "$scratch/log")"
	fi
	printf 'fpath=(%s $fpath)\nautoload -U compinit\ncompinit -u -d %s\nunsetopt LIST_AMBIGUOUS\nPS1="> "\necho READY\n' \
		"$root/usr/share/zsh/vendor-completions" "$scratch/zcompdump" >"$scratch/.zshrc"
	in_zsh="ZDOTDIR=$scratch exec zsh -i"
	expect zsh_completes_on_a_terminal "$(shell_completes "$in_zsh" 'weir exp' 'weir exporters')" 'weir exporters'
	expect zsh_lists_on_a_terminal "$(shell_completes "$in_zsh" 'weir xdp ' attach detach status)" 'attach' 'detach' 'status'
	expect zsh_completes_options "$(shell_completes "$in_zsh" 'weir status --so' 'weir status --socket')" 'weir status --socket'
else
	skip zsh_reads_its_completion "no zsh here"
fi
if command -v man >/dev/null && command -v groff >/dev/null; then
	page=$(MANWIDTH=100 man -l "$root/usr/share/man/man1/weir.1.gz" 2>/dev/null)
	expect man_page_has_all_commands "$page" 'weir agent' 'weir audit' CAPABILITIES
	expect man_page_is_of_this_version "$page" "weir $version"
else
	skip man_page_has_all_commands "no man here"
fi
finish
