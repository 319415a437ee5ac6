#!/bin/bash
# Spreads a network card over the cores, one queue to a core, as the workers are: interrupts (IRQ
# affinity), packets that go out (XPS), and, where there are fewer queues than cores, packets that
# come in (RPS).
#
#   irq.sh --dry-run eth0      prints what it would write
#   irq.sh eth0                writes it, and prints what was there before
#
# It holds until the next boot or until the card is set up anew: run it from a unit that comes after
# network-online.target. irqbalance undoes it: `systemctl disable --now irqbalance`.
# --root DIR takes /proc and /sys from there: for tests.
set -euo pipefail

dry_run=false
root=
card=

main() {
    while [ $# -gt 0 ]; do
        case $1 in
            --dry-run) dry_run=true ;;
            --root) root=${2:?--root wants a folder}; shift ;;
            -h | --help) usage; exit 0 ;;
            -*) usage >&2; exit 2 ;;
            *) [ -z "$card" ] || { usage >&2; exit 2; }; card=$1 ;;
        esac
        shift
    done
    [ -n "$card" ] || { usage >&2; exit 2; }
    local folder=$root/sys/class/net/$card
    [ -d "$folder/queues" ] || fail "no card is called $card"

    mapfile -t cores < <(list "$(cat "$root/sys/devices/system/cpu/online")")
    local rx=("$folder"/queues/rx-*) tx=("$folder"/queues/tx-*)
    if [ "${#rx[@]}" -lt "${#cores[@]}" ]; then
        echo "# ${#rx[@]} queues for ${#cores[@]} cores; perhaps: ethtool -L $card combined ${#cores[@]}"
    fi
    interrupts "$folder"
    outgoing "${tx[@]}"
    incoming "${rx[@]}"
}

# Each queue's interrupt to the core of its number.
interrupts() {
    local irqs=$1/device/msi_irqs irq name number=0 queue
    # Those of a virtio card are of the PCI device behind it.
    [ -d "$irqs" ] || irqs=$1/device/../msi_irqs
    [ -d "$irqs" ] || { echo "# $card has no interrupts of its own here"; return; }
    for irq in $(cd "$irqs" && printf '%s\n' * | sort -n); do
        name=$(sed -n "s/^ *$irq:.* \([^ ]*\)\$/\1/p" "$root/proc/interrupts")
        case $name in *config* | *control* | *async* | *event* | *mgmt*) continue ;; esac
        # mlx5_comp3@pci:0000:3b:00.0, ice-eth0-TxRx-3, virtio2-input.3: its queue is the last number.
        queue=$(sed 's/@.*//; s/.*[^0-9]\([0-9][0-9]*\)$/\1/' <<<"$name")
        [[ $queue =~ ^[0-9]+$ ]] || queue=$number
        put "$root/proc/irq/$irq/smp_affinity_list" "${cores[$((10#$queue % ${#cores[@]}))]}"
        number=$((number + 1))
    done
}

# What a core sends goes out by its own queue.
outgoing() {
    local queue number core mine
    [ $# -gt 1 ] || return 0
    for queue in "$@"; do
        number=${queue##*-} mine=()
        for core in "${!cores[@]}"; do
            [ $((core % $#)) -ne "$number" ] || mine+=("${cores[$core]}")
        done
        put "$queue/xps_cpus" "$(mask "${mine[@]}")"
    done
}

# With a queue for each core, none is handed on; else each queue is shared by several cores.
incoming() {
    local queue number core mine
    for queue in "$@"; do
        number=${queue##*-} mine=()
        if [ $# -lt "${#cores[@]}" ]; then
            for core in "${!cores[@]}"; do
                [ $((core % $#)) -ne "$number" ] || mine+=("${cores[$core]}")
            done
        fi
        put "$queue/rps_cpus" "$(mask "${mine[@]}")"
    done
}

# Cores as the kernel writes them: words of 32 bits in hex, the highest first.
mask() {
    local core highest=0 words=() text=
    for core in "$@"; do
        words[core / 32]=$((${words[core / 32]:-0} | 1 << core % 32))
        [ "$((core / 32))" -le "$highest" ] || highest=$((core / 32))
    done
    for ((; highest >= 0; highest--)); do
        text+=$(printf '%s%x' "${text:+,}" "${words[highest]:-0}")
    done
    # Words behind the first have all their digits.
    sed 's/,\([0-9a-f]*\)/,0000000\1/g; s/,0*\([0-9a-f]\{8\}\)/,\1/g' <<<"$text"
}

# 0-3,8 as one number a line.
list() {
    local part
    for part in ${1//,/ }; do
        seq "${part%-*}" "${part#*-}"
    done
}

put() {
    local path=$1 value=$2 was
    [ -e "$path" ] || return 0
    was=$(cat "$path" 2>/dev/null || true)
    echo "echo $value > $path    # was ${was:-empty}"
    $dry_run || echo "$value" >"$path" || echo "# refused: $path" >&2
}

usage() {
    echo "usage: irq.sh [--dry-run] [--root DIR] CARD"
}

fail() {
    echo "irq.sh: $1" >&2
    exit 1
}

main "$@"
