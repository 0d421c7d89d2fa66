# What may follow "xl-vtpm WORDS": commands, options, what stands behind options, and places for other words.
# shellcheck shell=bash
_xl_vtpm_table() {
  commands='' options='' values='' places=''
  case $1 in
@TABLE@
  esac
}

# What a word of this kind may be.
_xl_vtpm_offer() {
  case $1 in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    domain) mapfile -t COMPREPLY < <(compgen -W "$(_xl_vtpm_domains)" -- "$2") ;;
    words:*) mapfile -t COMPREPLY < <(compgen -W "${1#words:}" -- "$2") ;;
  esac
}

# Domains that run, but for domain 0, and those that have a configuration.
_xl_vtpm_domains() {
  local file
  xl list 2>/dev/null | awk 'NR > 1 && $2 != 0 && $1 != "(null)" { print $1 }'
  for file in /etc/xen/vtpm/*.cfg; do
    [[ -e $file ]] && file=${file##*/} && printf '%s\n' "${file%.cfg}"
  done
}

_xl_vtpm() {
  local cur=$2 path='' value='' given=0 only='' word kind commands options values places
  COMPREPLY=()
  _xl_vtpm_table ''
  [[ $cur != '=' ]] || cur=''
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $value ]]; then
      # --option=value is three words.
      [[ $word == '=' ]] || value=
    elif [[ $only || $word != -* ]]; then
      if [[ " $commands " == *" $word "* ]]; then
        path="${path:+$path }$word"
        _xl_vtpm_table "$path"
      else
        given=$((given + 1))
      fi
    elif [[ $word == -- ]]; then
      only=yes
    elif [[ $'\n'$values == *$'\n'"$word "* ]]; then
      value=$word
    fi
  done
  if [[ $value ]]; then
    kind=${values#*"$value "}
    _xl_vtpm_offer "${kind%%$'\n'*}" "$cur"
  elif [[ ! $only && $cur == -* ]]; then
    _xl_vtpm_offer "words:$options" "$cur"
  elif [[ $commands ]]; then
    _xl_vtpm_offer "words:$commands" "$cur"
  else
    # A place that takes any number of words is the last, and ends with "...".
    mapfile -t kind <<<"$places"
    [[ $given -lt ${#kind[@]} ]] || { word=${kind[-1]}; [[ $word == *... ]] && given=$((${#kind[@]} - 1)); }
    word=${kind[given]-}
    _xl_vtpm_offer "${word%...}" "$cur"
  fi
}

complete -F _xl_vtpm xl-vtpm
