#include <fmt/format.h>

#include "render/nginx_conf.h"

namespace orctl {

// Every value that goes in here is a path or a name whose alphabet has no blank, quote, `%` or `$` (Layout, schema),
// so none can end a line, expand as a specifier or as a variable (threat T4).
std::string render_unit(const Instance& instance, const Target& target, const Layout& layout) {
  const std::string name = instance.name.str();
  const std::string tree = layout.tree(tree_folder(instance.spec));
  const std::string command =
      fmt::format("{}{} -p {} -c nginx.conf", target.binary, target.stderr_option ? " -e stderr" : "", tree);
  std::string out = fmt::format(
      "# Written by orctl. Change the manifest and run `orctl apply`; changes made here are lost.\n"
      "[Unit]\n"
      "Description=OpenResty instance {0}\n"
      "After=network-online.target nss-lookup.target\n"
      "Wants=network-online.target\n"
      "StartLimitIntervalSec=60\n"
      "StartLimitBurst=5\n"
      "ConditionPathExists={1}/nginx.conf\n\n"
      "[Service]\n"
      "Type=forking\n"
      "PIDFile={2}\n"
      "ExecStartPre={3} -t -q\n"
      "ExecStart={3}\n"
      "ExecReload={3} -t -q\n"
      "ExecReload=/bin/kill -s HUP $MAINPID\n"
      "KillMode=mixed\n"
      "KillSignal=SIGQUIT\n"
      "TimeoutStartSec=30\n"
      "TimeoutStopSec=30\n"
      "Restart=on-failure\n"
      "RestartSec=1\n"
      "LimitNOFILE=65536\n"
      "LimitCORE=0\n"
      "OOMPolicy=continue\n",
      name, tree, layout.pid(name), command);
  if (!target.user.empty())
    out += fmt::format(
        "User={}\nGroup={}\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n",
        target.user, target.group);
  if (layout.whole_host())
    // RuntimeDirectoryPreserve must stay off: a stale admin.sock after a SIGKILL would stop every restart
    out += fmt::format(
        "RuntimeDirectory=openresty/{0}\nRuntimeDirectoryMode=0750\nRuntimeDirectoryPreserve=no\n"
        "LogsDirectory=openresty/{0}\nLogsDirectoryMode=0750\nStateDirectory=openresty/{0}\nStateDirectoryMode=0750\n",
        name);
  else
    out += fmt::format("ReadWritePaths={} {} {}\n", layout.run(name), layout.logs(name), layout.state(name));
  out +=
      "UMask=0077\n"
      "NoNewPrivileges=yes\n"
      "ProtectSystem=strict\n"
      "ProtectHome=yes\n"
      "PrivateTmp=yes\n"
      "PrivateDevices=yes\n"
      "DevicePolicy=closed\n"
      "PrivateIPC=yes\n"
      "ProtectProc=invisible\n"
      "ProcSubset=pid\n"
      "ProtectClock=yes\n"
      "ProtectHostname=yes\n"
      "ProtectKernelLogs=yes\n"
      "ProtectKernelModules=yes\n"
      "ProtectKernelTunables=yes\n"
      "ProtectControlGroups=yes\n"
      "LockPersonality=yes\n"
      "RestrictNamespaces=yes\n"
      "RestrictRealtime=yes\n"
      "RestrictSUIDSGID=yes\n"
      "RemoveIPC=yes\n"
      "KeyringMode=private\n"
      "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
      "SystemCallArchitectures=native\n"
      "SystemCallFilter=@system-service\n"
      "SystemCallFilter=~@privileged @resources @mount @debug @cpu-emulation @obsolete @keyring\n"
      "SystemCallErrorNumber=EPERM\n"
      "# MemoryDenyWriteExecute must stay off: LuaJIT turns written pages into code\n\n"
      "[Install]\n"
      "WantedBy=multi-user.target\n";
  return out;
}

}  // namespace orctl
