# Inside the machine: applies one manifest after the other to the disk and says ACK n once orctl has ended with exit 0. Never ends.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
ip link set lo up
mount -t ext4 ${OPTIONS:+-o "$OPTIONS"} /dev/vda /mnt || echo "FAIL mount"
echo START
for manifest in "$MANIFESTS"/*.toml; do
  n=$((10#$(basename "$manifest" .toml)))
  if said=$("$ORCTL" --root /mnt/root apply -f "$manifest" --supervisor process --verify-timeout 60s --reason "n=$n" 2>&1); then
    echo "ACK $n"
  else
    echo "FAIL $n: ${said//$'\n'/ | }"
  fi
done
echo "FAIL: no manifest is left"
while :; do read -r _; done </dev/zero
