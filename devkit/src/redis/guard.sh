# Runs "$@" and ends it with whoever holds the other end of standard input. Each line read is a signal for
# the program; the end of the input, which comes by itself when its holder dies in any way, is SIGKILL.
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
echo "guard: process $program"
(
    while read -r signal <&3; do kill "-$signal" "$program"; done
    kill -KILL "$program"
) >/dev/null 2>&1 &
watcher=$!
exec 3<&- 0</dev/null
wait "$program"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
