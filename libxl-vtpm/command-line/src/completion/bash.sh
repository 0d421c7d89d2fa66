# What may follow "@PROGRAM@ WORDS": commands, options, what stands behind options, and places for other words.
# shellcheck shell=bash
_FUNCTION_table() {
  commands='' options='' values='' places=''
  case $1 in
@TABLE@
  esac
}

# What a word of this kind may be.
_FUNCTION_offer() {
  case $1 in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    name) _FUNCTION_named "$2" ;;
    words:*) mapfile -t COMPREPLY < <(compgen -W "${1#words:}" -- "$2") ;;
  esac
}

# Names that begin so. compgen would have the shell expand them, and one with $ in it is nobody's to run.
_FUNCTION_named() {
  local name
  while read -r name; do
    [[ $name == *[!A-Za-z0-9._+-]* || $name != "$1"* ]] || COMPREPLY+=("$name")
  done < <(_FUNCTION_names)
}

# The names that a word may be.
_FUNCTION_names() {
@NAMES@
}

_FUNCTION() {
  local cur=$2 path='' value='' given=0 only='' word kind commands options values places
  COMPREPLY=()
  _FUNCTION_table ''
  [[ $cur != '=' ]] || cur=''
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    # A value may be left out of some options.
    [[ $word != -* ]] || value=
    if [[ $value ]]; then
      # --option=value is three words.
      [[ $word == '=' ]] || value=
    elif [[ $only || $word != -* ]]; then
      if [[ " $commands " == *" $word "* ]]; then
        path="${path:+$path }$word"
        _FUNCTION_table "$path"
      else
        given=$((given + 1))
      fi
    elif [[ $word == -- ]]; then
      only=yes
    elif [[ $'\n'$values == *$'\n'"$word "* ]]; then
      value=$word
    fi
  done
  if [[ $value && $cur != -* ]]; then
    kind=${values#*"$value "}
    _FUNCTION_offer "${kind%%$'\n'*}" "$cur"
  elif [[ ! $only && $cur == -* ]]; then
    _FUNCTION_offer "words:$options" "$cur"
  elif [[ $commands ]]; then
    _FUNCTION_offer "words:$commands" "$cur"
  else
    # A place that takes any number of words is the last, and ends with "...".
    mapfile -t kind <<<"$places"
    [[ $given -lt ${#kind[@]} ]] || { word=${kind[-1]}; [[ $word == *... ]] && given=$((${#kind[@]} - 1)); }
    word=${kind[given]-}
    _FUNCTION_offer "${word%...}" "$cur"
  fi
}

complete -F _FUNCTION @PROGRAM@
