  local file
  xl list 2>/dev/null | awk 'NR > 1 && $2 != 0 && $1 != "(null)" { print $1 }'
  for file in /etc/xen/vtpm/*.cfg; do
    [[ -e $file ]] && file=${file##*/} && printf '%s\n' "${file%.cfg}"
  done
