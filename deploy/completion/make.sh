#!/bin/bash
# Prints the completion of a shell, made of what the commands say of themselves.
# SPDX-License-Identifier: Apache-2.0
# usage: deploy/completion/make.sh WEIR bash|zsh
set -eu
weir=$1
shell=$2

# NAME<tab>help for each command.
commands() {
	"$weir" --help | sed -n 's/^  \([a-z]*\)  *\(.*\)/\1\t\2/p'
}

# OPTION<tab>ARGUMENT<tab>help for each option of a command; the argument is empty where it takes none.
options() { # COMMAND
	"$weir" "$1" --help | awk '
		/^ +(-[a-zA-Z], +)?--[a-z]/ {
			line = $0
			sub(/^ +(-[a-zA-Z], +)?/, "", line)
			split(line, word, /[ ]/)
			rest = substr(line, length(word[1]) + 1)
			argument = ""
			if (match(rest, /^ [A-Z][A-Z=]*( |$)/)) {
				argument = substr(rest, 2, RLENGTH - 1)
				sub(/ $/, "", argument)
				rest = substr(rest, RLENGTH + 1)
			}
			sub(/^ +/, "", rest)
			print word[1] "\t" argument "\t" rest
		}'
}

# What follows the name where that is fixed: weir xdp attach, weir load scireg.
words() { # COMMAND
	"$weir" "$1" --help | awk -v command="$1" '
		$1 == "usage:" { sub(/^usage: */, "") }
		/^ *weir / && $2 == command && $3 ~ /^[a-z]+$/ { print $3 }
		command == "load" && /^  [a-z]+ / && $1 != "weir" { print $1 }' | sort -u
}

keys() {
	"$weir" config --list | awk '/^  [a-z]/ && !/\[/ { print $1 }' | sort -u
}

names() { # what commands, options or words print, on one line
	cut -f1 | tr '\n' ' ' | sed 's/ $//'
}

bash_completion() {
	cat <<END
# bash completion of weir; made by deploy/completion/make.sh
_weir() {
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if [ "\$COMP_CWORD" = 1 ]; then
		COMPREPLY=(\$(compgen -W "$(commands | names) --help --version" -- "\$cur"))
		return
	fi
	case \$prev in
	--interface | -i)
		COMPREPLY=(\$(compgen -W "\$(ls /sys/class/net 2>/dev/null)" -- "\$cur"))
		return
		;;
	--config | -c | --socket | -S | --pin-path | --elements | --output | -o)
		COMPREPLY=(\$(compgen -f -- "\$cur"))
		return
		;;
	--format)
		COMPREPLY=(\$(compgen -W "json protobuf native" -- "\$cur"))
		return
		;;
	--mode)
		COMPREPLY=(\$(compgen -W "auto native generic" -- "\$cur"))
		return
		;;
	--set | -s)
		COMPREPLY=(\$(compgen -S = -W "$(keys | names)" -- "\$cur"))
		compopt -o nospace 2>/dev/null
		return
		;;
	esac
	case \${COMP_WORDS[1]} in
END
	commands | cut -f1 | while read -r command; do
		printf '\t%s)\n' "$command"
		if [ -n "$(words "$command")" ]; then
			printf '\t\tif [ "$COMP_CWORD" = 2 ]; then\n'
			printf '\t\t\tCOMPREPLY=($(compgen -W "%s --help" -- "$cur"))\n' \
				"$(words "$command" | names)"
			printf '\t\t\treturn\n\t\tfi\n'
		fi
		printf '\t\tCOMPREPLY=($(compgen -W "%s" -- "$cur"))\n\t\t;;\n' \
			"$(options "$command" | names)"
	done
	cat <<'END'
	esac
	[[ $cur == -* ]] || COMPREPLY+=($(compgen -f -- "$cur"))
}
complete -o filenames -F _weir weir
END
}

# As text between single quotes in a zsh specification.
quoted() {
	sed "s/'/'\\\\''/g; s/\[/(/g; s/\]/)/g; s/:/\\\\:/g"
}

zsh_action() { # ARGUMENT
	case $1 in
	FILE | OUTPUT | PATH) echo ':file:_files' ;;
	DIR) echo ':directory:_files -/' ;;
	IF) echo ':interface:_net_interfaces' ;;
	FORMAT) echo ':format:(json protobuf native)' ;;
	MODE) echo ':mode:(auto native generic)' ;;
	KEY=VALUE) echo ':setting:->settings' ;;
	'') ;;
	*) printf ':%s:' "$(tr A-Z a-z <<<"$1")" ;;
	esac
}

zsh_completion() {
	cat <<'END'
#compdef weir
# zsh completion of weir; made by deploy/completion/make.sh
_weir() {
	local state line
	if (( CURRENT == 2 )); then
		local -a commands=(
END
	commands | while IFS=$'\t' read -r command help; do
		printf "\t\t\t'%s:%s'\n" "$command" "$(quoted <<<"$help")"
	done
	cat <<'END'
		)
		_describe command commands
		return
	fi
	local command=${words[2]}
	shift words
	(( CURRENT-- ))
	case $command in
END
	commands | cut -f1 | while read -r command; do
		printf '\t%s)\n\t\t_arguments -s \\\n' "$command"
		options "$command" | while IFS= read -r row; do
			IFS='|' read -r option argument help <<<"$(tr '\t' '|' <<<"$row")"
			printf "\t\t\t'*%s[%s]%s' \\\\\n" "$option" "$(quoted <<<"$help")" \
				"$(zsh_action "$argument")"
		done
		if [ -n "$(words "$command")" ]; then
			printf "\t\t\t'1:what:(%s)' \\\\\n" "$(words "$command" | names)"
		fi
		printf "\t\t\t'*:file:_files'\n\t\t;;\n"
	done
	cat <<END
	esac
	if [ "\$state" = settings ]; then
		compadd -S = -- $(keys | names)
	fi
}
_weir "\$@"
END
}

${shell}_completion
