# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of unlinkwatchctl for bash.

_unlinkwatchctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options
	local commands='who where tail top stats status check metrics'
	local general='--help --version'
	local journal='--user --unit --rule --under --op --failed --lines'
	local sources='--directory --file --merge --host --any-source'

	# --option=value is three words for bash.
	if [[ $cur == '=' ]]; then
		cur=''
	elif [[ $prev == '=' ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") && return ;;
	-u | --unit)
		mapfile -t COMPREPLY < <(compgen -W "$(systemctl list-units --all --plain --no-legend 2>/dev/null |
			awk '{ print $1 }')" -- "$cur") && return
		;;
	--by) mapfile -t COMPREPLY < <(compgen -W 'process user unit directory ancestor' -- "$cur") && return ;;
	--op) mapfile -t COMPREPLY < <(compgen -W 'unlink rmdir rename move exchange' -- "$cur") && return ;;
	--operation) mapfile -t COMPREPLY < <(compgen -W 'unlink rmdir rename move' -- "$cur") && return ;;
	--result) mapfile -t COMPREPLY < <(compgen -W 'success failure' -- "$cur") && return ;;
	-S | --since | -U | --until)
		mapfile -t COMPREPLY < <(compgen -W 'today yesterday -1h' -- "$cur") && return ;;
	-D | --directory) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
	--file | -c | --config | --socket | --textfile)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	-n | --lines | --rule | --under | --host) return ;;
	esac
	case ${COMP_WORDS[1]} in
	who) options="$general $journal $sources --since --until --brief --all --json --no-pager" ;;
	where) options="$general $sources --json" ;;
	tail) options="$general $journal $sources --json" ;;
	top) options="$general $journal $sources --since --by" ;;
	stats) options="$general $journal $sources --since --until --by --json --no-pager" ;;
	status) options="$general --socket --json --no-pager" ;;
	check) options="$general --config --user --operation --result --json --no-pager" ;;
	metrics) options="$general --socket --textfile" ;;
	*) options=$general ;;
	esac
	if ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ ${COMP_WORDS[1]} =~ ^(who|where|check)$ ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -F _unlinkwatchctl unlinkwatchctl
